package edge

import (
	"net"
	"net/http"
	"sync"
)

// handback gives connections to a server as if they came from a listener:
// those that this edge had taken over, when something comes on them that is
// not the edge's own.
type handback struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newHandback() *handback {
	h := &handback{conns: make(chan net.Conn), done: make(chan struct{})}
	h.close = sync.OnceFunc(func() { close(h.done) })
	return h
}

// give passes a connection on, with what was read of it already.
func (h *handback) give(c net.Conn, read []byte) {
	select {
	case h.conns <- &rest{Conn: c, head: read}:
	case <-h.done:
		c.Close()
	}
}

// Accept is what the server calls.
func (h *handback) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends it; the server calls it when it is shut down.
func (h *handback) Close() error {
	h.close()
	return nil
}

// Addr is there for the net.Listener's sake.
func (h *handback) Addr() net.Addr { return &net.TCPAddr{} }

// rest is a connection of which some was read.
type rest struct {
	net.Conn
	head []byte
}

func (r *rest) Read(b []byte) (int, error) {
	if len(r.head) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.head)
	r.head = r.head[n:]
	return n, nil
}

// handbackTo is the way back to a server, made when first needed.
func (w *Worker) handbackTo(srv *http.Server) *handback {
	w.direct.mu.Lock()
	defer w.direct.mu.Unlock()
	if h := w.direct.back[srv]; h != nil {
		return h
	}
	h := newHandback()
	w.direct.back[srv] = h
	srv.RegisterOnShutdown(w.direct.drain)
	w.direct.wg.Go(func() {
		_ = srv.Serve(h) // ends with the server or with this worker
		h.close()
		w.direct.mu.Lock()
		defer w.direct.mu.Unlock()
		delete(w.direct.back, srv)
	})
	return h
}
