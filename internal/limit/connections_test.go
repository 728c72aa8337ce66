package limit

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A club is Connections before a listener of the loopback, whose connections are
// taken in by nobody but the test.
type club struct {
	*testing.T
	conns   *Connections
	l       net.Listener
	refused atomic.Int32
}

func newClub(t *testing.T, cfg ConnectionsConfig) *club {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &club{T: t}
	cfg.Refused = func() { c.refused.Add(1) }
	c.conns = NewConnections(cfg)
	c.l = c.conns.Listen(raw)
	t.Cleanup(func() { c.l.Close() })
	return c
}

// come connects, from an address of the loopback network.
func (c *club) come(from string) net.Conn {
	c.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	out, err := d.Dial("tcp", c.l.Addr().String())
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { out.Close() })
	return out
}

// in is the next that is let in.
func (c *club) in() net.Conn {
	c.Helper()
	in, err := c.l.Accept()
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { in.Close() })
	return in
}

// ended waits until the other end of a connection is closed.
func (c *club) ended(out net.Conn) {
	c.Helper()
	_ = out.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := out.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) || err == nil {
		c.Errorf("it goes on: %v", err)
	}
}

// silent waits until a connection that was let in has moved nothing for a while.
func (c *club) silent(in net.Conn, least time.Duration) {
	c.Helper()
	for late := time.After(time.Minute); in.(*tcpConn).place.silence() < least; {
		select {
		case <-late:
			c.Fatal("it is never silent")
		case <-time.After(time.Millisecond):
		}
	}
}

// One address has its share; another finds a place, and a place that was left
// is free again.
func TestShare(t *testing.T) {
	c := newClub(t, ConnectionsConfig{Most: 3, Share: 2})
	c.come("127.0.0.2")
	first := c.in()
	c.come("127.0.0.2")
	c.in()
	third := c.come("127.0.0.2")
	c.come("127.0.0.3")
	if in := c.in(); AddressOf(in.RemoteAddr()) != netip.MustParseAddr("127.0.0.3") { // third is before it in the queue
		t.Errorf("%s was let in", in.RemoteAddr())
	}
	c.ended(third)
	if c.conns.Len() != 3 || c.refused.Load() != 1 {
		t.Errorf("%d are in, %d were refused", c.conns.Len(), c.refused.Load())
	}
	first.Close()
	first.Close()
	if c.conns.Len() != 2 || len(c.conns.by[netip.MustParseAddr("127.0.0.2")]) != 1 {
		t.Errorf("%d are in", c.conns.Len())
	}
}

// Behind a proxy are many people.
func TestProxyHasNoShare(t *testing.T) {
	c := newClub(t, ConnectionsConfig{Most: 5, Share: 1, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}})
	for range 4 {
		c.come("127.0.0.2")
		c.in()
	}
	c.come("127.0.0.3")
	c.in()
}

// When all places are taken a newcomer gets that of the one that is silent for longest
// among those of the address that holds most; settled and busy ones stay.
func TestSilentStrangersMakeRoom(t *testing.T) {
	const quiet = time.Minute
	c := newClub(t, ConnectionsConfig{Most: 5, Share: 3, Quiet: quiet})
	silent := map[*place]time.Duration{}
	c.conns.silence = func(p *place) time.Duration { return silent[p] }
	come := func(from string) (out, in net.Conn) { return c.come(from), c.in() }
	fall := func(in net.Conn, d time.Duration) { silent[in.(*tcpConn).place] = d }
	lone, loneIn := come("127.0.0.3")
	settled, settledIn := come("127.0.0.2")
	Settle(hiddenConn{settledIn})
	longest, longestIn := come("127.0.0.2")
	shorter, shorterIn := come("127.0.0.2")
	_, busyIn := come("127.0.0.4")
	fall(loneIn, 4*quiet)
	fall(settledIn, 4*quiet)
	fall(longestIn, 2*quiet)
	fall(shorterIn, quiet)
	fall(busyIn, quiet-1)

	mine, mineIn := come("127.0.0.5")
	c.ended(longest) // for one of another address
	come("127.0.0.5")
	c.ended(shorter)
	come("127.0.0.5")
	c.ended(lone)
	if _, err := settledIn.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(settled, make([]byte, 1)); err != nil {
		t.Errorf("who is settled was ended: %v", err)
	}
	// An address that has its share gets no more than that, however silent others are.
	fall(busyIn, 2*quiet)
	fall(mineIn, quiet)
	come("127.0.0.5")
	if n := len(c.conns.by[netip.MustParseAddr("127.0.0.5")]); n != 3 {
		t.Errorf("it holds %d", n)
	}
	c.ended(mine)
}

// A connection is silent from when it last moved something, either way.
func TestSilence(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere nobody knows who is silent")
	}
	c := newClub(t, ConnectionsConfig{Most: 1})
	out, in := c.come("127.0.0.2"), c.in()
	mine := in.(*tcpConn).place
	for name, move := range map[string]func(){
		"sent":     func() { _, _ = in.Write([]byte("x")) },
		"received": func() { _, _ = out.Write([]byte("x")); _, _ = io.ReadFull(in, make([]byte, 1)) },
	} {
		c.silent(in, 300*time.Millisecond)
		before := time.Now()
		move()
		if got, most := mine.silence(), time.Since(before)+20*time.Millisecond; got > most {
			t.Errorf("%s something less than %v ago, and silent for %v", name, most, got)
		}
	}
}

// hiddenConn wraps a connection as TLS does.
type hiddenConn struct{ net.Conn }

func (h hiddenConn) NetConn() net.Conn { return h.Conn }

// Who goes on with a connection's descriptor holds its place.
func TestDetach(t *testing.T) {
	c := newClub(t, ConnectionsConfig{Most: 1})
	c.come("127.0.0.2")
	in := c.in()
	raw, leave := in.(*tcpConn).Detach()
	raw.Close()
	in.Close()
	if c.conns.Len() != 1 || len(c.conns.open) != 0 {
		t.Errorf("%d are in, %d may be ended", c.conns.Len(), len(c.conns.open))
	}
	if leave(); c.conns.Len() != 0 {
		t.Errorf("%d are in", c.conns.Len())
	}
}

// A listener whose system gives it nothing does not spin, ends nobody's accept
// loop, and goes on when there is something again.
func TestAcceptWithoutDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		starved := &starving{err: &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}, until: time.Now().Add(time.Minute)}
		l := NewConnections(ConnectionsConfig{Most: 1}).Listen(starved)
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if most := int(time.Minute/restAfter) + 2; starved.tries > most {
			t.Errorf("it tried %d times in a minute", starved.tries)
		}
		starved.until = time.Now().Add(time.Hour)
		time.AfterFunc(time.Minute, func() { l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed while it waits: %v", err)
		}
	})
}

// starving is a listener that fails for a time.
type starving struct {
	err   error
	until time.Time
	tries int
}

func (s *starving) Accept() (net.Conn, error) {
	s.tries++
	if time.Now().Before(s.until) {
		return nil, s.err
	}
	c, _ := net.Pipe()
	return c, nil
}
func (*starving) Close() error   { return nil }
func (*starving) Addr() net.Addr { return &net.TCPAddr{} }
