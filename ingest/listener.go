package ingest

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// listener accepts publishers' connections under the caps. Accept returns an
// error only once it is closed: go-rtmp's server would spin on any other.
type listener struct {
	net.Listener
	tls    *tls.Config // nil: plain
	gate   *gate
	guard  func(net.Conn, func()) net.Conn
	closed chan struct{}
	once   sync.Once
}

// gate counts connections, in all and per address.
type gate struct {
	max, maxPerIP int
	refused       func() // counts connections turned away

	mu    sync.Mutex
	all   int                  // guarded by mu
	perIP map[netip.Prefix]int // guarded by mu
	open  map[*guard]struct{}  // guarded by mu
	shut  bool                 // guarded by mu
	wg    sync.WaitGroup       // one for each connection
}

func (g *gate) count() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return float64(g.all)
}

func (g *gate) add(c *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[c] = struct{}{}
	if g.shut {
		c.shut()
	}
}

func (g *gate) remove(c *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}

// shutAll ends all connections, also those still to come.
func (g *gate) shutAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.open {
		c.shut()
	}
}

// enter admits a connection from addr; leave is to be called once when it is closed.
func (g *gate) enter(addr net.Addr) (leave func(), ok bool) {
	p := prefixOf(addr)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.max || g.perIP[p] >= g.maxPerIP {
		return nil, false
	}
	g.all++
	g.perIP[p]++
	g.wg.Add(1)
	return sync.OnceFunc(func() {
		g.mu.Lock()
		g.all--
		if g.perIP[p]--; g.perIP[p] == 0 {
			delete(g.perIP, p)
		}
		g.mu.Unlock()
		g.wg.Done()
	}), true
}

// prefixOf is who an address belongs to: an IPv4 address, or an IPv6 /64.
func prefixOf(addr net.Addr) netip.Prefix {
	a, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := a.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, err
			}
			select { // out of file descriptors, most likely: give others time to end
			case <-l.closed:
				return nil, net.ErrClosed
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		leave, ok := l.gate.enter(c.RemoteAddr())
		if !ok {
			l.gate.refused()
			_ = c.Close()
			continue
		}
		if l.tls != nil {
			c = tls.Server(c, l.tls)
		}
		return l.guard(c, leave), nil
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
