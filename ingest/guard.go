package ingest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

const (
	setupBytes   = 128 << 10 // what a client may send before it publishes
	writeTimeout = 5 * time.Second
	offerTimeout = 20 * time.Millisecond
	lingerTime   = 2 * time.Second
	lingerBytes  = 32 << 20
)

// guard holds a connection to its deadlines and its budget.
type guard struct {
	net.Conn
	idle  time.Duration
	leave func()

	// The reader's:
	publishing bool      // the budget is off
	flowing    bool      // media is recorded: the deadline is the idle one
	due        time.Time // until then media has to flow
	armed      time.Time // when the idle deadline was last set
	read       uint64    // bytes
	in         *atomic.Uint64

	linger atomic.Bool // on Close, let the peer read our last words
	dead   atomic.Bool
	once   sync.Once
}

func (g *guard) Read(p []byte) (int, error) {
	if g.dead.Load() {
		return 0, errShut
	}
	if !g.publishing {
		if g.read >= setupBytes {
			return 0, fmt.Errorf("%w: %d bytes before publishing", errLimit, g.read)
		}
		p = p[:min(uint64(len(p)), setupBytes-g.read)]
	}
	if !g.flowing {
		_ = g.SetReadDeadline(g.due)
	} else if now := time.Now(); now.Sub(g.armed) > g.idle/8 { // a system call per read would cost more than the read
		g.armed = now
		_ = g.SetReadDeadline(now.Add(g.idle))
	}
	n, err := g.Conn.Read(p)
	g.read += uint64(n)
	g.in.Add(uint64(n))
	return n, err
}

func (g *guard) Write(p []byte) (int, error) {
	_ = g.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := g.Conn.Write(p)
	if err != nil { // who does not read is not served: wakes the reader too
		g.shut()
	}
	return n, err
}

// publish lets the peer send media: the first of it has to come in time.
func (g *guard) publish() {
	g.publishing, g.due = true, time.Now().Add(g.idle)
	limit.Settle(g.Conn)
}

// offer writes what the peer can do without, and says whether it was taken.
func (g *guard) offer(p []byte) bool {
	_ = g.SetWriteDeadline(time.Now().Add(offerTimeout))
	_, err := g.Conn.Write(p)
	return err == nil
}

// shut ends the connection at once, from any goroutine. Close is still to be called.
func (g *guard) shut() {
	g.dead.Store(true)
	_ = g.Conn.Close()
}

// Close ends the connection. After a refusal it first waits until the peer
// has read it: closing a socket with unread input resets it, and a reset
// destroys what the peer has not read yet.
func (g *guard) Close() error {
	var err error
	g.once.Do(func() {
		if half, ok := g.Conn.(interface{ CloseWrite() error }); ok && g.linger.Load() && !g.dead.Load() {
			_ = g.SetDeadline(time.Now().Add(lingerTime))
			if half.CloseWrite() == nil {
				_, _ = io.Copy(io.Discard, io.LimitReader(g.Conn, lingerBytes))
			}
		}
		err = g.Conn.Close()
		g.leave()
	})
	return err
}
