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

// A request is the state of one that tusd serves, and the upload that it has locked.
// Only its own goroutine uses it, except for the atomic fields, interrupt and stop.
type request struct {
	owner string          // see admit
	sum   *store.Checksum // that its body must have; may be nil
	name  string          // of the upload that it holds
	w     *writer         // of that; nil: it holds none
	made  *store.Info     // the upload that it made
	link  string          // the key of that one's first link; empty: it has none

	draft       *draft // how it speaks the IETF's draft; nil: as tusd does, or tus
	rest        int64  // how many bytes it says are the rest of the upload; -1: it does not
	badLength   bool   // what it says is not the upload's length
	wasComplete bool   // the upload that it holds was complete before

	interrupted atomic.Bool                 // another request, or another worker, wants the upload
	stopReason  atomic.Pointer[statusError] // a hook's refusal; nil: none

	body    *progress.Body           // nil: it has none
	control *http.ResponseController // of its answer
}

// interrupt ends the request soon: reads of its body fail, the current one too. tusd has
// a mechanism of its own for that, which is lost when it comes while tusd begins to
// read (and is a data race).
func (q *request) interrupt() {
	q.interrupted.Store(true)
	q.body.Stop()
}

// stop ends the request and its upload.
func (q *request) stop(why *statusError) {
	q.stopReason.Store(why)
	q.interrupt()
}

// bodyEnded removes the read deadline: completing the upload may take longer than
// reading any piece of it.
func (q *request) bodyEnded() { _ = q.control.SetReadDeadline(time.Time{}) }

// finished says that the request has released its upload.
func (q *request) finished() {
	q.body.Done()
	q.w = nil
}

type requestKey struct{}

func withRequest(ctx context.Context, q *request) context.Context {
	return context.WithValue(ctx, requestKey{}, q)
}

// requestOf is the request of a context, which tusd passes on; an empty one if there
// is none.
func requestOf(ctx context.Context) *request {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q
	}
	return &request{rest: -1}
}

// writer is the writer of an upload, if this request has locked it; else nil.
func (q *request) writer(name string) *writer {
	if q.name == name {
		return q.w
	}
	return nil
}

// interruptible is a request's body that fails, with an error for tusd, when the request
// is interrupted.
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
		b.q.bodyEnded()
	case err != nil && b.q.interrupted.Load():
		err = b.why(b.q.stopReason.Load())
	}
	return n, err
}

// bearer is the key of a request: from Authorization (Bearer, or the password of Basic),
// or, for senders that cannot set headers, from ?key=.
func bearer(r *http.Request) string {
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(t)
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	return r.URL.Query().Get("key")
}
