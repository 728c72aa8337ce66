package transfer

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A request is what we know of one that the protocol's library works on, and
// what it holds. Its goroutine alone uses it, but for what others ask of it.
type request struct {
	owner string    // see admit
	sum   *checksum // that its body must have; may be nil
	name  string    // of the upload that it holds
	w     *writer   // of that; nil: it holds none
	made  *info     // the upload that it made

	wanted  atomic.Bool             // somebody else wants the upload
	stopped atomic.Pointer[refusal] // why a hook does not want it to go on

	mu      sync.Mutex               // guards what follows
	control *http.ResponseController // nil when there is nothing more to read: the connection may serve another by then
}

// letGo has the request end soon: what it reads of its body ends, also what it
// waits for now. tusd has a way of its own for that, which gets lost when it
// comes while it begins to read (and is a data race). When the body is read, the
// deadline would end not this request but the next one of the connection, which
// net/http watches by then.
func (q *request) letGo() {
	q.wanted.Store(true)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.control != nil {
		_ = q.control.SetReadDeadline(time.Unix(1, 0)) // else it is cut off by itself
	}
}

// stop has the request end, and the upload with it.
func (q *request) stop(why *refusal) {
	q.stopped.Store(why)
	q.letGo()
}

// read says that there is nothing more to read.
func (q *request) read() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.control = nil
}

// over says that the request holds nothing any more.
func (q *request) over() {
	q.read()
	q.w = nil
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

// interruptible is a request's body that ends when somebody else wants the upload.
type interruptible struct {
	io.ReadCloser
	q   *request
	why func(stopped *refusal) error
}

// Read implements io.Reader.
func (b *interruptible) Read(p []byte) (int, error) {
	if b.q.wanted.Load() { // tusd may have moved the deadline on
		return 0, b.why(b.q.stopped.Load())
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.q.read()
	}
	if err != nil && err != io.EOF && b.q.wanted.Load() {
		err = b.why(b.q.stopped.Load())
	}
	return n, err
}
