package http1

import (
	"net"
	"sync"
)

// connQueue gives connections to a server as if they came from a listener:
// those that were taken over, when something comes on them that is not to be
// answered there.
type connQueue struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newConnQueue() *connQueue {
	q := &connQueue{conns: make(chan net.Conn), done: make(chan struct{})}
	q.close = sync.OnceFunc(func() { close(q.done) })
	return q
}

// give passes a connection on, with what was read of it already.
func (q *connQueue) give(c net.Conn, read []byte) {
	select {
	case q.conns <- &prefixConn{Conn: c, prefix: read}:
	case <-q.done:
		c.Close()
	}
}

// Accept is what the server calls.
func (q *connQueue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.done:
		return nil, net.ErrClosed
	}
}

// Close ends it; the server calls it when it is shut down.
func (q *connQueue) Close() error {
	q.close()
	return nil
}

// Addr is there for the net.Listener's sake.
func (q *connQueue) Addr() net.Addr { return &net.TCPAddr{} }

// prefixConn is a connection of which some was read.
type prefixConn struct {
	net.Conn
	prefix []byte
}

// Read implements io.Reader.
func (p *prefixConn) Read(b []byte) (int, error) {
	if len(p.prefix) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.prefix)
	p.prefix = p.prefix[n:]
	return n, nil
}
