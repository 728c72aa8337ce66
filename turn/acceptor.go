package turn

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

// An acceptor is a listener for pion that gives only connections whose
// handshake is done, within the limits. It is safe for concurrent use.
type acceptor struct {
	net.Listener
	policy    *authPolicy
	transport string
	greet     func(ctx context.Context, c net.Conn) (net.Conn, error) // TLS or DTLS; nil: nothing to do

	ready   chan net.Conn
	closing chan struct{}
	close   sync.Once
	running sync.WaitGroup

	mu   sync.Mutex // guards open
	open map[*filteredConn]bool
}

// newAcceptor accepts from a listener whose connections are counted.
func newAcceptor(l net.Listener, g *authPolicy, transport string, greet func(context.Context, net.Conn) (net.Conn, error)) *acceptor {
	return &acceptor{Listener: l, policy: g, transport: transport, greet: greet, ready: make(chan net.Conn), closing: make(chan struct{}), open: map[*filteredConn]bool{}}
}

// strangerQuiet is how long a connection without an allocation may be silent
// before it makes room for another.
const strangerQuiet = 2 * time.Second

// newConnections counts connections of the worker.
func newConnections(cfg Config, m *metrics) *limit.Connections {
	return limit.NewConnections(limit.ConnectionsConfig{
		Most: cfg.MaxConnections, Share: cfg.MaxPerIP, Quiet: strangerQuiet, Refused: func() { m.refuse("connections") },
	})
}

// run accepts until Close.
func (a *acceptor) run() {
	for {
		c, err := a.Listener.Accept()
		if err != nil { // it is closed
			return
		}
		a.running.Go(func() { a.welcome(c) })
	}
}

// welcome does the handshake and hands the connection over.
func (a *acceptor) welcome(c net.Conn) {
	if a.greet != nil {
		ctx, cancel := context.WithTimeout(context.Background(), a.policy.cfg.SetupTimeout)
		defer cancel()
		stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // the one thing that ends a handshake for sure
		defer stop()
		unlisten := a.whenClosing(cancel)
		defer unlisten()
		greeted, err := a.greet(ctx, c)
		if err != nil || !stop() {
			a.policy.metrics.refuse("handshake")
			_ = c.Close()
			return
		}
		c = greeted
	}
	var s *filteredConn
	s = newFilteredConn(c, a.policy, a.transport, func() {
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
	var all []*filteredConn
	for s := range a.open {
		all = append(all, s)
	}
	a.mu.Unlock()
	for _, s := range all {
		_ = s.Close()
	}
}
