package rtmp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/internal/limit"
)

const (
	setupBytes   = 128 << 10 // what a client may send before it publishes
	writeTimeout = 5 * time.Second
	offerTimeout = 20 * time.Millisecond
	lingerTime   = 2 * time.Second
	lingerBytes  = 32 << 20
)

// limitedConn holds a connection to its deadlines and its budget.
type limitedConn struct {
	net.Conn
	idle  time.Duration
	leave func()

	// The reader's:
	publishing bool      // the budget is off
	budget     uint64    // bytes in all that may come before it is
	flowing    bool      // media is recorded: the deadline is the idle one
	due        time.Time // until then media has to flow
	armed      time.Time // when the idle deadline was last set
	read       uint64    // bytes
	in         *atomic.Uint64

	cutOff atomic.Pointer[StatusError] // why it is to end, if that was said
	linger atomic.Bool                 // on Close, let the peer read our last words
	dead   atomic.Bool
	once   sync.Once
}

// Read implements io.Reader.
func (c *limitedConn) Read(p []byte) (int, error) {
	if c.dead.Load() {
		return 0, errShut
	}
	if !c.publishing {
		if c.read >= c.budget {
			return 0, fmt.Errorf("%w: %d bytes before publishing", chunk.ErrLimit, setupBytes)
		}
		p = p[:min(uint64(len(p)), c.budget-c.read)]
	}
	if !c.flowing {
		_ = c.SetReadDeadline(c.due)
	} else if now := time.Now(); now.Sub(c.armed) > c.idle/8 { // a system call per read would cost more than the read
		c.armed = now
		_ = c.SetReadDeadline(now.Add(c.idle))
	}
	if why := c.cutOff.Load(); why != nil { // after the deadline was set: cut sets another
		return 0, why
	}
	n, err := c.Conn.Read(p)
	c.read += uint64(n)
	c.in.Add(uint64(n))
	return n, err
}

// Write implements io.Writer.
func (c *limitedConn) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := c.Conn.Write(p)
	if err != nil { // who does not read is not served: wakes the reader too
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.cutOff.CompareAndSwap(nil, errUnread)
		}
		c.shut()
	}
	return n, err
}

// admit lets the peer send media: the first of it has to come in time.
func (c *limitedConn) admit() {
	c.publishing, c.flowing, c.due = true, false, time.Now().Add(c.idle)
	limit.Settle(c.Conn)
}

// unsettle has the peer, who publishes no more, publish again in time, or go.
func (c *limitedConn) unsettle(setup time.Duration) {
	c.publishing, c.flowing, c.due, c.budget = false, false, time.Now().Add(setup), c.read+setupBytes
}

// offer writes what the peer can do without, and says whether it was taken.
func (c *limitedConn) offer(p []byte) bool {
	_ = c.SetWriteDeadline(time.Now().Add(offerTimeout))
	_, err := c.Conn.Write(p)
	return err == nil
}

// cut has the reader stop, so that the connection ends with these last words.
// It is for any goroutine, and returns at once.
func (c *limitedConn) cut(why *StatusError) {
	if c.cutOff.CompareAndSwap(nil, why) {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}

// shut ends the connection at once, from any goroutine. Close is still to be called.
func (c *limitedConn) shut() {
	c.dead.Store(true)
	_ = c.Conn.Close()
}

// Close ends the connection. After a refusal it first waits until the peer
// has read it: closing a socket with unread input resets it, and a reset
// destroys what the peer has not read yet.
func (c *limitedConn) Close() error {
	var err error
	c.once.Do(func() {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.Load() && !c.dead.Load() {
			_ = c.SetDeadline(time.Now().Add(lingerTime))
			if half.CloseWrite() == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(c.Conn, lingerBytes))
			}
		}
		err = c.Conn.Close()
		c.leave()
	})
	return err
}
