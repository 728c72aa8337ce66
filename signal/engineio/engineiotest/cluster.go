package engineiotest

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/helios-h2020/pse/signal/engineio"
)

// RoundRobin is a balancer that knows no sessions: each request goes to the
// next worker.
func RoundRobin(workers ...http.Handler) http.Handler {
	var next atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		workers[(next.Add(1)-1)%uint64(len(workers))].ServeHTTP(w, r)
	})
}

// Cluster is workers that reach each other in memory, as they would over a
// bus: an engineio.Forward for all of them.
type Cluster struct {
	mu      sync.Mutex // guards what follows
	servers map[string]*engineio.Server
	carried int
}

// Add gives the cluster the worker with that token.
func (c *Cluster) Add(token string, s *engineio.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.servers == nil {
		c.servers = map[string]*engineio.Server{}
	}
	c.servers[token] = s
}

// Carried is how many requests and links went from worker to worker.
func (c *Cluster) Carried() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.carried
}

func (c *Cluster) owner(token string) (*engineio.Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried++
	if s := c.servers[token]; s != nil {
		return s, nil
	}
	return nil, engineio.ErrNoOwner
}

// Request is engineio.Forward's.
func (c *Cluster) Request(ctx context.Context, owner string, r *engineio.Request) (*engineio.Response, error) {
	s, err := c.owner(owner)
	if err != nil {
		return nil, err
	}
	return s.Serve(ctx, r), nil
}

// Dial is engineio.Forward's.
func (c *Cluster) Dial(_ context.Context, owner string, r *engineio.Request) (engineio.Link, error) {
	s, err := c.owner(owner)
	if err != nil {
		return nil, err
	}
	here, there := pair()
	s.ServeLink(r, there)
	return here, nil
}

// end is one end of a link in memory.
type end struct {
	in, out chan frame
	both    *both
}

type frame struct {
	binary bool
	data   []byte
}

// both is what the ends share.
type both struct {
	once sync.Once
	done chan struct{}
}

func pair() (a, b *end) {
	x, y := make(chan frame, 100), make(chan frame, 100)
	d := &both{done: make(chan struct{})}
	return &end{x, y, d}, &end{y, x, d}
}

// Send is engineio.Link's.
func (e *end) Send(binary bool, b []byte) error {
	select {
	case e.out <- frame{binary, append([]byte(nil), b...)}:
		return nil
	case <-e.both.done:
		return engineio.ErrClosed
	}
}

// Receive is engineio.Link's.
func (e *end) Receive() (bool, []byte, error) {
	select {
	case f := <-e.in:
		return f.binary, f.data, nil
	case <-e.both.done:
	}
	select { // what was sent before the end
	case f := <-e.in:
		return f.binary, f.data, nil
	default:
		return false, nil, engineio.ErrClosed
	}
}

// Close is engineio.Link's.
func (e *end) Close() { e.both.once.Do(func() { close(e.both.done) }) }
