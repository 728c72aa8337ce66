package relay

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// waitingForClient is how many packets of peers wait for pion, when it writes
// to a client over TCP, TLS or DTLS.
const waitingForClient = 64

// A relayConn is a relay socket for pion: a net.PacketConn. Of clients over UDP
// pion never sees a packet of it: the loop does all. Of others pion reads what
// peers send, and writes what the client sends.
type relayConn struct {
	cfg   *Config
	shard *shard
	al    *allocation
	local netip.AddrPort

	up      chan *datagram
	spare   *datagrams
	sum     *written      // of all relays
	release func()        // gives back what Close does not know of
	done    chan struct{} // closed when pion shall read no more
	settled chan struct{} // closed when everything is given back

	mu      sync.RWMutex // held to write, so that the socket is not closed meanwhile
	closed  bool         // guarded by mu
	user    string       // guarded by mu, like all that pion tells
	source  netip.AddrPort
	active  bool // pion has made an allocation of it
	limiter *RateLimiter
}

// activate is told that pion has made an allocation of it; source is invalid of a
// client that is not on UDP. False: it is closed already.
func (c *relayConn) activate(user string, source netip.AddrPort, limiter *RateLimiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.user, c.source, c.active, c.limiter = user, source, true, limiter
	return true
}

// usage is what it has carried. It waits for the loop.
func (c *relayConn) usage() (u Usage) {
	c.shard.tasks.do(func() { u = c.al.usage() })
	c.mu.RLock()
	defer c.mu.RUnlock()
	u.User, u.Client = c.user, c.source
	return u
}

// ReadFrom gives pion what peers sent to a client that is not on UDP. For
// others it only waits for the end.
func (c *relayConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.up:
		return c.spare.take(d, b)
	case <-c.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends what a client that is not on UDP has for a peer.
func (c *relayConn) WriteTo(b []byte, to net.Addr) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	peer, ok := addrPortOf(to)
	if !ok {
		return 0, errNotUDP
	}
	if !c.cfg.reachable(endpointOf(peer)) {
		return c.drop(errBlocked)
	}
	peer = c.cfg.Ports.Local(peer)
	if !c.limiter.Pass(len(b)) {
		return c.drop(errRate)
	}
	if c.al.local.is4() != hostOf(peer.Addr()).is4() {
		return c.drop(errFamily)
	}
	if _, err := writeTo(c.al.out.fd, b, net.UDPAddrFromAddrPort(peer)); err != nil {
		return c.drop(err)
	}
	for _, w := range [...]*written{&c.al.byPion, c.sum} {
		w.packets.Add(1)
		w.bytes.Add(uint64(len(b)))
	}
	return len(b), nil
}

// drop counts a packet that is not sent.
func (c *relayConn) drop(why error) (int, error) {
	c.al.byPion.dropped.Add(1)
	return 0, why
}

// Close closes the socket; pion then deletes the allocation, if it is not at
// it. All calls return when everything is given back.
func (c *relayConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		<-c.settled
		return nil
	}
	c.closed = true
	user, source, active, limiter := c.user, c.source, c.active, c.limiter
	c.mu.Unlock()

	defer close(c.settled)
	var u Usage
	c.shard.tasks.do(func() {
		c.shard.drop(c.al)
		u = c.al.usage()
	})
	close(c.done)
	c.release()
	limiter.Close()
	if active && c.cfg.Ended != nil {
		u.User, u.Client = user, source
		c.cfg.Ended(u)
	}
	return nil
}

// LocalAddr is where peers talk to, as the host knows it.
func (c *relayConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// SetDeadline is not needed by pion.
func (c *relayConn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not needed by pion.
func (c *relayConn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not needed by pion.
func (c *relayConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
