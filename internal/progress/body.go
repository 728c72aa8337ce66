// Package progress ends requests whose body does not come. A body may take as
// long as it moves: a slow phone's upload goes on, a body that never comes ends.
package progress

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Least is how many bytes of a body have to come while its reader waits for
// one patience, unless the body ends before.
const Least = 1 << 10

// ErrStopped is what a Body gives after Stop.
var ErrStopped = errors.New("the request was asked to end")

// A Body is a request's body that has to keep coming. One goroutine reads it;
// Stop may come from any. All methods are nil-safe: a request without a body has none.
//
// Only time that a reader waits counts: one that is busy with what came
// before takes nothing from its sender. The deadlines are the connection's
// (HTTP/1) or the stream's (HTTP/2), and are left alone once the body has
// ended: then they are those of whatever comes next on it.
type Body struct {
	body    io.ReadCloser
	control *http.ResponseController
	request http.Request // the server's with this body
	writer  writer

	mu       sync.Mutex // guards what follows
	patience time.Duration
	answer   time.Duration
	waited   time.Duration // since Least bytes came
	came     int           // bytes since then
	over     bool          // nothing more is to be read
	ended    bool          // all of it was read
	stopped  bool
}

// Watch gives the answer and the request that a handler is to use in place of the
// server's, with a body that has to keep coming: Read fails with
// os.ErrDeadlineExceeded when Least bytes do not come while it waits for
// patience. Each of them gives the answer to the request another answer of
// time to be written; 0 leaves that deadline alone, and then the server's ends a
// body that takes longer (over HTTP/2 it does while it is still read). Of a
// body that is watched already it sets patience and answer, and gives the same.
// Without a body it gives what it got.
//
// An answer that is written before the body has ended goes out at once: by
// HTTP/1 the connection ends with it. Done is to be called before the handler
// returns. What nobody read is then taken by the server for one patience, at most,
// so that who still sends it sees the answer.
func Watch(rw http.ResponseWriter, r *http.Request, patience, answer time.Duration) (http.ResponseWriter, *http.Request, *Body) {
	if r.Body == nil || r.Body == http.NoBody {
		return rw, r, nil
	}
	b, ok := r.Body.(*Body)
	if !ok {
		// The server's own request stays as it is: by its body the server sees what is left of
		// it, and whether the client waits to be told to send it (Expect: 100-continue).
		b = &Body{body: r.Body, control: http.NewResponseController(rw), request: *r}
		b.request.Body = b
		b.writer = writer{ResponseWriter: rw, body: b}
		rw, r = &b.writer, &b.request
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.patience, b.answer = patience, answer
	if !b.over && !b.stopped {
		b.extend()
	}
	return rw, r, b
}

// extend sets the deadlines of the next read. mu is held. A server that knows
// no deadlines, as in a test, has none.
func (b *Body) extend() {
	now := time.Now()
	_ = b.control.SetReadDeadline(now.Add(b.patience - b.waited))
	if b.answer > 0 {
		_ = b.control.SetWriteDeadline(now.Add(b.patience + b.answer))
	}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.stopped {
		b.mu.Unlock()
		return 0, ErrStopped
	}
	if !b.over {
		b.extend()
	}
	b.mu.Unlock()
	began := time.Now()
	n, err := b.body.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.over, b.ended = true, errors.Is(err, io.EOF)
		if b.stopped && n == 0 && !errors.Is(err, io.EOF) {
			err = ErrStopped
		}
		return n, err
	}
	b.waited += time.Since(began)
	if b.came += n; b.came >= Least {
		b.came, b.waited = 0, 0
	}
	return n, nil
}

// Renew gives what is left of the body as much time as any part of it: the
// server reads a little of that when it answers, so that the answer is not lost.
func (b *Body) Renew() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over && !b.stopped {
		b.waited = 0
		b.extend()
	}
}

// Close closes the body as the server does.
func (b *Body) Close() error {
	if b == nil {
		return nil
	}
	b.end()
	return b.body.Close()
}

// Stop ends reading, also a Read that waits: it fails with ErrStopped. A body
// that has ended already is not touched.
func (b *Body) Stop() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over || b.stopped {
		return
	}
	b.stopped = true
	_ = b.control.SetReadDeadline(time.Unix(1, 0))
}

// Done says that the handler returns: the connection may serve another
// request from now on, and Stop does nothing any more.
func (b *Body) Done() {
	if b == nil {
		return
	}
	b.end()
	b.writer.begin() // if its handler wrote nothing
}

// end has nothing more read.
func (b *Body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// whole says whether all of it was read.
func (b *Body) whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}
