package limit

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ConnectionsConfig says how many there may be, and of which address.
type ConnectionsConfig struct {
	Most  int // connections of all its listeners together
	Share int // of them from one address, of IPv6 one /64; 0: no limit of its own

	// Quiet is how long a connection has to have sent and received nothing
	// before it may be ended to make room for another; 0: none is. Ask what
	// the longest silence of a good client is.
	Quiet time.Duration

	// Proxies are networks whose addresses are many people's: they have no share.
	Proxies []netip.Prefix

	Refused func() // called for each that is turned away; may be nil
}

// Connections counts those of one listener or several. When all places are
// taken, or all of an address, a newcomer gets that of a connection that is
// silent (Quiet) and was not settled (Settle): of the address with the most, the
// one that was silent for longest. If there is none it is turned away. So idle
// sockets keep nobody out, from however many addresses they come.
type Connections struct {
	cfg   ConnectionsConfig
	crowd *Crowd
	pause time.Duration // after a failed accept

	silence func(*place) time.Duration // how long a connection has moved nothing

	mu   sync.Mutex // guards what follows
	open map[*place]struct{}
	by   map[netip.Addr]map[*place]struct{}
}

// restAfter is how long a listener rests when the system gives it no connection,
// as when all descriptors are used: new ones wait in the system's queue.
const restAfter = 50 * time.Millisecond

// looks is how many connections are looked at for one to end, any ones of
// those that may be: a flood of newcomers must not cost more.
const looks = 64

// NewConnections counts none yet.
func NewConnections(cfg ConnectionsConfig) *Connections {
	if cfg.Refused == nil {
		cfg.Refused = func() {}
	}
	return &Connections{
		cfg: cfg, crowd: NewCrowd(cfg.Most, cfg.Share), pause: restAfter, silence: (*place).silence,
		open: map[*place]struct{}{}, by: map[netip.Addr]map[*place]struct{}{},
	}
}

// Listen counts the connections of a listener too. Its Accept fails only once it is
// closed. Closing it leaves the connections as they are.
func (d *Connections) Listen(l net.Listener) net.Listener {
	return &listener{Listener: l, conns: d, closed: make(chan struct{})}
}

// Len is how many connections there are.
func (d *Connections) Len() int { return d.crowd.Len() }

// admit gives a connection its place, or nil.
func (d *Connections) admit(c net.Conn) net.Conn {
	ip, share := AddressOf(c.RemoteAddr()), d.cfg.Share
	if slices.ContainsFunc(d.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		ip, share = netip.Addr{}, 0
	}
	p := &place{conns: d, who: ip, since: time.Now(), conn: c}
	for range 2 {
		leave, err := d.crowd.enter(ip, share)
		if err == nil {
			d.mu.Lock()
			p.leave = leave
			d.open[p] = struct{}{}
			if d.by[ip] == nil {
				d.by[ip] = map[*place]struct{}{}
			}
			d.by[ip][p] = struct{}{}
			d.mu.Unlock()
			if t, ok := c.(*net.TCPConn); ok {
				return &tcpConn{t, p}
			}
			return &anyConn{c, p}
		}
		if !d.evict(ip, errors.Is(err, ErrShare)) {
			break
		}
	}
	return nil
}

// evict ends a silent connection that is not settled: of one address, or of any.
func (d *Connections) evict(ip netip.Addr, ofIt bool) bool {
	if d.cfg.Quiet <= 0 {
		return false
	}
	var victim *place
	var most int
	var longest time.Duration
	d.mu.Lock()
	among, left := d.open, looks
	if ofIt {
		among = d.by[ip]
	}
	for p := range among { // in any order
		if left--; left < 0 {
			break
		}
		silent := d.silence(p)
		if p.settled || silent < d.cfg.Quiet {
			continue
		}
		holds := 0 // a proxy's are many people's
		if p.who.IsValid() {
			holds = len(d.by[p.who])
		}
		if victim == nil || holds > most || holds == most && silent > longest {
			victim, most, longest = p, holds, silent
		}
	}
	d.mu.Unlock()
	if victim == nil {
		return false
	}
	victim.free()
	victim.end()
	return true
}

// A listener gives the connections that are let in.
type listener struct {
	net.Listener
	conns  *Connections
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil:
			if in := l.conns.admit(c); in != nil {
				return in, nil
			}
			l.conns.cfg.Refused()
			if _, ok := c.(*net.TCPConn); ok {
				_ = c.Close()
			} else {
				go func() { _ = c.Close() }() // one of DTLS waits for goroutines of its own
			}
			continue
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE):
			l.conns.evict(netip.Addr{}, false) // the least that can be done
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case <-time.After(l.conns.pause):
		}
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// AddressOf is the address that a connection from there counts as; the zero one if it is none.
func AddressOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return Counted(ap.Addr())
}
