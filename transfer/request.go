package transfer

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/internal/progress"
	"github.com/helios-h2020/pse/store"
)

// A request is what we know of one that the protocol's library works on, and
// what it holds. Its goroutine alone uses it, but for what others ask of it.
type request struct {
	owner string          // see admit
	sum   *store.Checksum // that its body must have; may be nil
	name  string          // of the upload that it holds
	w     *writer         // of that; nil: it holds none
	made  *store.Info     // the upload that it made

	wanted  atomic.Bool                 // somebody else wants the upload
	stopped atomic.Pointer[statusError] // why a hook does not want it to go on

	body    *progress.Body           // nil: it has none
	control *http.ResponseController // of its answer
}

// interrupt has the request end soon: what it reads of its body ends, also what it
// waits for now. tusd has a way of its own for that, which gets lost when it
// comes while it begins to read (and is a data race).
func (q *request) interrupt() {
	q.wanted.Store(true)
	q.body.Stop()
}

// stop has the request end, and the upload with it.
func (q *request) stop(why *statusError) {
	q.stopped.Store(why)
	q.interrupt()
}

// read says that the body has ended. What is left to do may take longer than
// any part of it: a deadline would end the request while nobody waits.
func (q *request) read() { _ = q.control.SetReadDeadline(time.Time{}) }

// over says that the request holds nothing any more.
func (q *request) over() {
	q.body.Done()
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

// writer gives the writer of an upload, if this request holds it.
func (q *request) writer(name string) *writer {
	if q.name == name {
		return q.w
	}
	return nil
}

// interruptible is a request's body that ends when somebody else wants the upload.
type interruptible struct {
	*progress.Body
	q   *request
	why func(stopped *statusError) error
}

// Read implements io.Reader.
func (b *interruptible) Read(p []byte) (int, error) {
	if b.Body == nil {
		return 0, io.EOF
	}
	n, err := b.Body.Read(p)
	switch {
	case err == io.EOF:
		b.q.read()
	case err != nil && b.q.wanted.Load():
		err = b.why(b.q.stopped.Load())
	}
	return n, err
}

// bearer finds the key in a request: in the header, or, for senders that
// cannot set one, in the URL.
func bearer(r *http.Request) string {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	return r.URL.Query().Get("key")
}
