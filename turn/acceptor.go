package turn

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// An acceptor is a listener for pion that gives only connections whose
// handshake is done, within the limits. It is safe for concurrent use.
type acceptor struct {
	net.Listener
	guard     *guard
	transport string
	greet     func(ctx context.Context, c net.Conn) (net.Conn, error) // TLS or DTLS; nil: nothing to do
	crowd     *crowd
	log       *zap.Logger

	ready   chan net.Conn
	closing chan struct{}
	close   sync.Once
	running sync.WaitGroup

	mu   sync.Mutex // guards open
	open map[*streamGate]bool
}

func newAcceptor(l net.Listener, g *guard, c *crowd, transport string, greet func(context.Context, net.Conn) (net.Conn, error), log *zap.Logger) *acceptor {
	return &acceptor{Listener: l, guard: g, transport: transport, greet: greet, crowd: c, log: log, ready: make(chan net.Conn), closing: make(chan struct{}), open: map[*streamGate]bool{}}
}

// acceptPause is how long an acceptor rests when the system has no more
// connections to give.
const acceptPause = 50 * time.Millisecond

// run accepts until Close.
func (a *acceptor) run() {
	for {
		c, err := a.Listener.Accept()
		if err != nil {
			select {
			case <-a.closing:
				return
			case <-time.After(acceptPause):
				a.log.Warn("a connection could not be accepted", zap.String("transport", a.transport), zap.Error(err))
				continue
			}
		}
		ip := addrPort(c.RemoteAddr()).Addr()
		if !a.crowd.enter(ip) {
			a.guard.metrics.refuse("connections")
			go func() { _ = c.Close() }() // DTLS waits for its own goroutines
			continue
		}
		a.running.Go(func() { a.welcome(c, ip) })
	}
}

// welcome does the handshake and hands the connection over.
func (a *acceptor) welcome(c net.Conn, ip netip.Addr) {
	gone := func() { a.crowd.leave(ip) }
	if a.greet != nil {
		ctx, cancel := context.WithTimeout(context.Background(), a.guard.cfg.SetupTimeout)
		defer cancel()
		stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // the one thing that ends a handshake for sure
		defer stop()
		unlisten := a.whenClosing(cancel)
		defer unlisten()
		greeted, err := a.greet(ctx, c)
		if err != nil || !stop() {
			a.guard.metrics.refuse("handshake")
			_ = c.Close()
			gone()
			return
		}
		c = greeted
	}
	var s *streamGate
	s = newStreamGate(c, a.guard, a.transport, func() {
		gone()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.open, s)
	})
	a.mu.Lock()
	a.open[s] = true
	a.mu.Unlock()
	select {
	case a.ready <- s:
	case <-a.closing:
		_ = s.Close()
	}
}

// whenClosing calls f when the acceptor is closed, until stop.
func (a *acceptor) whenClosing(f func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-a.closing:
			f()
		case <-done:
		}
	}()
	return func() { close(done) }
}

// Accept gives the next connection.
func (a *acceptor) Accept() (net.Conn, error) {
	select {
	case c := <-a.ready:
		return c, nil
	case <-a.closing:
		return nil, errClosed
	}
}

// Close ends listening; connections that were given stay.
func (a *acceptor) Close() error {
	var err error
	a.close.Do(func() {
		close(a.closing)
		err = a.Listener.Close()
	})
	return err
}

// hangUp ends the connections there are, after Close.
func (a *acceptor) hangUp() {
	a.running.Wait()
	a.mu.Lock()
	var all []*streamGate
	for s := range a.open {
		all = append(all, s)
	}
	a.mu.Unlock()
	for _, s := range all {
		_ = s.Close()
	}
}

// crowd counts the connections of a worker. It is safe for concurrent use.
type crowd struct {
	maxAll, maxPerIP int

	mu    sync.Mutex // guards what follows
	all   int
	perIP map[netip.Addr]int
}

func newCrowd(cfg Config) *crowd {
	return &crowd{maxAll: cfg.MaxConnections, maxPerIP: cfg.MaxPerIP, perIP: map[netip.Addr]int{}}
}

func (c *crowd) enter(ip netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.maxAll || c.maxPerIP > 0 && c.perIP[ip] >= c.maxPerIP {
		return false
	}
	c.all++
	c.perIP[ip]++
	return true
}

func (c *crowd) leave(ip netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.perIP[ip]--; c.perIP[ip] == 0 {
		delete(c.perIP, ip)
	}
}

func (c *crowd) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}
