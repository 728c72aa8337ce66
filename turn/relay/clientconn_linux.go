package relay

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// backlog is how many packets wait for pion, of clients with an allocation and
// of others each: those without cannot crowd out a call's refreshes.
const backlog = 512

// A clientConn is a socket that clients talk to, for pion: a net.PacketConn that
// reads what the loop does not handle itself.
type clientConn struct {
	addr           netip.AddrPort
	control        *net.UDPConn // pion's own socket at addr; nil: it gets all from the loop
	known, unknown chan *datagram
	spare          *datagrams
	closed         chan struct{}
	closeOnce      sync.Once

	mu       sync.RWMutex // held to write, so that the socket is not closed meanwhile
	fd       int          // guarded by mu; the loop reads from it
	shutDown bool         // guarded by mu: the socket is closed
}

func newClientConn(fd int, bound netip.AddrPort, spare *datagrams) *clientConn {
	return &clientConn{
		addr: bound, fd: fd, spare: spare, closed: make(chan struct{}),
		known: make(chan *datagram, backlog), unknown: make(chan *datagram, backlog),
	}
}

// put has pion read a packet of a client that has an allocation, or (not known)
// none; false: too many wait. The loop's.
func (c *clientConn) put(known bool, b []byte, from net.Addr) bool {
	queue := c.unknown
	if known {
		queue = c.known
	}
	ok := c.spare.put(queue, b, from)
	if c.control != nil { // end pion's read
		_ = c.control.SetReadDeadline(time.Unix(1, 0))
	}
	return ok
}

// ReadFrom gives pion what the loop does not handle itself. Where that comes
// from the loop, clients that have an allocation go first.
func (c *clientConn) ReadFrom(b []byte) (int, net.Addr, error) {
	if c.control != nil {
		return c.readControl(b)
	}
	select {
	case d := <-c.known:
		return c.spare.take(d, b)
	default:
	}
	select {
	case d := <-c.known:
		return c.spare.take(d, b)
	case d := <-c.unknown:
		return c.spare.take(d, b)
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

// readControl is ReadFrom with a socket for pion. The loop hands on what only pion
// understands here too.
func (c *clientConn) readControl(b []byte) (int, net.Addr, error) {
	for {
		select {
		case d := <-c.known:
			return c.spare.take(d, b)
		default:
		}
		n, from, err := c.control.ReadFrom(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, from, err
		}
		if err := c.control.SetReadDeadline(time.Time{}); err != nil {
			return 0, nil, err
		}
	}
}

// WriteTo sends pion's answers.
func (c *clientConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.shutDown {
		return 0, net.ErrClosed
	}
	return writeTo(c.fd, b, to)
}

// Close ends pion's reading. The socket is closed with the Plane.
func (c *clientConn) Close() error {
	c.closeOnce.Do(func() {
		close(c.closed)
		if c.control != nil {
			_ = c.control.Close()
		}
	})
	return nil
}

// closeSocket is for when the loop has ended.
func (c *clientConn) closeSocket() {
	_ = c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shutDown {
		c.shutDown = true
		unix.Close(c.fd)
	}
}

// LocalAddr is where clients talk to.
func (c *clientConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.addr) }

// SetDeadline is not needed by pion.
func (c *clientConn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not needed by pion.
func (c *clientConn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not needed by pion.
func (c *clientConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
