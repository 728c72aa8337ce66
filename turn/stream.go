package turn

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/turn/relay"
)

// filteredConn is a connection of a client over TCP, TLS or DTLS with its filter,
// for pion: each Read gives one whole message.
type filteredConn struct {
	net.Conn
	filter   requestFilter
	framed   bool // messages follow each other on a stream; else each comes whole
	from     netip.AddrPort
	here     netip.AddrPort
	deadline time.Time // for an allocation
	gone     func()    // called once when it is closed
	once     sync.Once

	skip    int    // bytes still to come of a message that is too long
	buf     []byte // what came, of a stream
	begin   int    // of what is not read yet
	end     int
	settled bool        // it has had an allocation
	raw     atomic.Bool // a peer's bytes go both ways (RFC 6062 4.4), no messages
}

func newFilteredConn(c net.Conn, g *authPolicy, transport string, gone func()) *filteredConn {
	return &filteredConn{
		Conn: c, filter: requestFilter{authPolicy: g, transport: transport}, framed: transport != "dtls", from: addrPort(c.RemoteAddr()), here: addrPort(c.LocalAddr()),
		deadline: time.Now().Add(g.cfg.SetupTimeout), gone: gone, buf: make([]byte, 2*relay.LongestMessage),
	}
}

// Read gives the next message that pion is to have.
func (c *filteredConn) Read(p []byte) (int, error) {
	for {
		if err := c.patience(); err != nil {
			return 0, err
		}
		if c.raw.Load() {
			if c.begin < c.end {
				n := copy(p, c.buf[c.begin:c.end])
				c.begin += n
				return n, nil
			}
			return c.Conn.Read(p)
		}
		msg, err := c.next()
		if err != nil {
			return 0, err
		}
		pass, reply := c.filter.in(msg, c.from, c.here)
		if reply != nil {
			if err := c.send(reply); err != nil {
				return 0, err
			}
		}
		if len(pass) > len(p) {
			return 0, relay.ErrTooLong
		}
		if pass != nil {
			return copy(p, pass), nil
		}
	}
}

// patience bounds how long the client may be silent: little until it has an
// allocation, or is there for a connection of one.
func (c *filteredConn) patience() error {
	until := c.deadline
	if _, open := c.filter.table.owner(client{c.filter.transport, c.from, c.here}); open || c.raw.Load() {
		if !c.settled {
			c.settled = true
			limit.Settle(c.Conn)
		}
		until = time.Now().Add(c.filter.cfg.IdleTimeout)
	}
	return c.SetReadDeadline(until)
}

// next gives the next message as it came.
func (c *filteredConn) next() ([]byte, error) {
	if !c.framed {
		return c.datagram()
	}
	for {
		if gone := min(c.skip, c.end-c.begin); gone > 0 {
			c.skip -= gone
			c.begin += gone
		}
		n, err := relay.MessageSize(c.buf[c.begin:c.end])
		if errors.Is(err, relay.ErrTooLong) { // pion does not take it; those after it are heard
			c.filter.metrics.refuse("size")
			c.skip = n
			continue
		}
		if err != nil {
			return nil, err
		}
		if n > 0 && c.begin+n <= c.end {
			msg := c.buf[c.begin : c.begin+n]
			c.begin += n
			return msg, nil
		}
		if c.begin > 0 {
			c.begin, c.end = 0, copy(c.buf, c.buf[c.begin:c.end])
		}
		got, err := c.Conn.Read(c.buf[c.end:])
		c.end += got
		if got == 0 && err != nil {
			return nil, err
		}
	}
}

// datagram gives the next message of one that brings each whole, padded as on
// a stream: pion takes it for one.
func (c *filteredConn) datagram() ([]byte, error) {
	for {
		got, err := c.Conn.Read(c.buf)
		if err != nil {
			return nil, err
		}
		n, err := relay.MessageSize(c.buf[:got])
		if err != nil || n == 0 || n > got+3 {
			c.filter.metrics.refuse("malformed")
			continue
		}
		clear(c.buf[got:max(got, n)])
		return c.buf[:n], nil
	}
}

// Write sends what pion answers or relays.
func (c *filteredConn) Write(p []byte) (int, error) {
	if c.raw.Load() {
		return len(p), c.send(p)
	}
	if isBound(p) {
		defer c.raw.Store(true) // what comes next is the peer's
	}
	return len(p), c.send(c.filter.out(p, c.from))
}

// isBound says whether an answer begins a peer's connection.
func isBound(p []byte) bool {
	return len(p) >= 20 && stun.NewType(stun.MethodConnectionBind, stun.ClassSuccessResponse).Value() == binary.BigEndian.Uint16(p)
}

// send writes it in time, or ends the connection: a part of a message may be
// on its way.
func (c *filteredConn) send(p []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(c.filter.cfg.WriteTimeout)); err != nil {
		return err
	}
	if n, err := c.Conn.Write(p); err != nil || n != len(p) {
		_ = c.Close()
		if err == nil {
			err = io.ErrShortWrite
		}
		return err
	}
	return nil
}

// Close ends the connection.
func (c *filteredConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.gone)
	return err
}
