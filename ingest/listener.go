package ingest

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// strangerQuiet is how long a connection that does not publish yet may be
// silent before it makes room for another. Encoders that set up are never.
const strangerQuiet = 2 * time.Second

// listener accepts publishers' connections. The door below it counts them; its
// Accept returns an error only once it is closed: go-rtmp's server would spin
// on any other.
type listener struct {
	net.Listener
	tls   *tls.Config // nil: plain
	guard func(net.Conn) net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		c = tls.Server(c, l.tls)
	}
	return l.guard(c), nil
}

// gate knows the connections there are, to end them.
type gate struct {
	mu   sync.Mutex
	open map[*guard]struct{} // guarded by mu
	shut bool                // guarded by mu
	wg   sync.WaitGroup      // one for each connection
}

func (g *gate) add(c *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wg.Add(1)
	g.open[c] = struct{}{}
	if g.shut {
		c.shut()
	}
}

func (g *gate) remove(c *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	g.wg.Done()
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
