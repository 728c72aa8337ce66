package transfer

import "context"

// A request is what we know of one that the protocol's library works on, and
// what it holds. Its goroutine alone uses it.
type request struct {
	owner string    // see admit
	sum   *checksum // that its body must have; may be nil
	name  string    // of the upload that it holds
	w     *writer   // of that; nil: it holds none
	made  *info     // the upload that it made
}

type requestKey struct{}

func withRequest(ctx context.Context, q *request) context.Context {
	return context.WithValue(ctx, requestKey{}, q)
}

// requestOf is the request that a context is of; the library passes contexts on.
func requestOf(ctx context.Context) *request {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q
	}
	return &request{}
}

// holds gives the writer of an upload, if this request holds it.
func (q *request) holds(name string) *writer {
	if q.name == name {
		return q.w
	}
	return nil
}
