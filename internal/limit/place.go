package limit

import (
	"net"
	"net/netip"
	"time"
)

// A place is a connection's among Connections.
type place struct {
	conns *Connections
	who   netip.Addr // that it counts for; the zero one: of a proxy, or no address
	since time.Time
	conn  net.Conn

	// Guarded by conns.mu.
	leave   func() // gives the place back
	settled bool   // it is not ended for another
}

// free gives the place back, the first time.
func (p *place) free() { p.take()() }

// take takes the place from those that may be ended. It is free when leave is called.
func (p *place) take() (leave func()) {
	d := p.conns
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, p)
	if mine := d.by[p.who]; mine != nil {
		if delete(mine, p); len(mine) == 0 {
			delete(d.by, p.who)
		}
	}
	leave, p.leave = p.leave, func() {}
	return leave
}

// Settle says that a connection's client is known to be good: it is not
// ended to make room for another. What wraps it must have NetConn, as TLS has.
func Settle(c net.Conn) {
	for {
		if h, ok := c.(interface{ settle() }); ok {
			h.settle()
			return
		}
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		c = w.NetConn()
	}
}

func (p *place) settle() {
	p.conns.mu.Lock()
	defer p.conns.mu.Unlock()
	p.settled = true
}

// end ends the connection as if its peer had gone: its handler closes it, and
// takes it for nothing else.
func (p *place) end() {
	if t, ok := p.conn.(*net.TCPConn); ok && t.CloseRead() == nil && t.CloseWrite() == nil {
		return
	}
	_ = p.conn.Close()
}

// silence is how long a connection has moved nothing.
func (p *place) silence() time.Duration {
	age := time.Since(p.since)
	t, ok := p.conn.(*net.TCPConn)
	if !ok {
		return 0 // nobody knows
	}
	return min(age, silenceOf(t))
}

// A tcpConn is one of TCP that has a place. All else of it is the system's:
// sendfile and writev too.
type tcpConn struct {
	*net.TCPConn
	place *place
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	c.place.free()
	return c.TCPConn.Close()
}

func (c *tcpConn) settle() { c.place.settle() }

// Detach gives the connection to a caller that goes on with its descriptor: the place is
// held until leave is called; Close does not give it back.
func (c *tcpConn) Detach() (raw *net.TCPConn, leave func()) { return c.TCPConn, c.place.take() }

// An anyConn is any other that has a place.
type anyConn struct {
	net.Conn
	place *place
}

// Close implements net.Conn.
func (c *anyConn) Close() error {
	c.place.free()
	return c.Conn.Close()
}

// NetConn is the connection without its place.
func (c *anyConn) NetConn() net.Conn { return c.Conn }

func (c *anyConn) settle() { c.place.settle() }
