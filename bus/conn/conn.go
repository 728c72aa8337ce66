// Package conn is how a worker's bus does it on NATS: one connection that is
// remade for ever, and what is built on it: logs that are made when they are
// missing, readers that follow one in order, records that are changed by
// compare-and-set, watches, leases, and requests to one other connection.
//
// It knows neither what is in a log or record nor its name, and no server but
// by its address: what workers agree on is package bus's, and is handed in.
//
// Methods of Conn are the connection's own; what is built on it are functions
// that take one.
package conn

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// MaxPayload is the largest message that a server must take, in bytes, headers
// included.
const MaxPayload = 8 << 20

// Conn is a connection. Its methods may be called from any goroutine.
type Conn struct {
	id      string
	nc      *nats.Conn
	js      jetstream.JetStream
	log     *zap.Logger
	adviser adviser
	link    *link
	refusal *refusal
	logs    *ensurer
	handles handles
	alive   func(id string) string // the subject where a connection answers
	lost    prometheus.Counter     // times that it broke

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // counts ensurer.run
}

// ID is this connection's own name, unique for ever: one token.
func (c *Conn) ID() string { return c.id }

// NATS is the library's connection, for what is neither stored nor awaited.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// JetStream is where the logs are.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// Context ends with Close.
func (c *Conn) Context() context.Context { return c.ctx }

// Connected reports whether the servers can be reached now.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Remakes counts how often the connection was remade. It is known before
// anything can be sent over the new one: what was in memory at the server may
// be gone.
func (c *Conn) Remakes() uint64 { return c.nc.Stats().Reconnects }

// Remade is closed when the connection has been lost and remade.
func (c *Conn) Remade() <-chan struct{} { return c.link.remadeNext() }

// AwayFor is how long the servers could not be reached; 0 while they can.
func (c *Conn) AwayFor() time.Duration {
	if c.nc.IsConnected() {
		return 0
	}
	return c.link.awayFor()
}

// heldFor is how long the connection has held; 0 when there is none.
func (c *Conn) heldFor() time.Duration {
	if !c.nc.IsConnected() {
		return 0
	}
	return c.link.heldFor()
}

// Bound is the context of one request: it ends with ctx, after RequestTimeout,
// and with the connection. Call done.
func (c *Conn) Bound(ctx context.Context) (_ context.Context, done func()) { return c.link.bound(ctx) }

// EnsureLogs asks for missing logs to be made, soon.
func (c *Conn) EnsureLogs() { c.logs.soon() }

// Explain adds what to change, at the server or in our settings, to an error
// that one who runs them can do something about.
func (c *Conn) Explain(err error) error { return c.adviser.explain(err) }

// Close sends what is buffered and ends the connection.
func (c *Conn) Close() {
	c.cancel()
	c.wg.Wait()
	_ = c.nc.FlushTimeout(time.Second)
	c.nc.Close()
}

// Collectors are the metrics of this connection.
func (c *Conn) Collectors() []prometheus.Collector { return []prometheus.Collector{c.lost} }

// newLost names the connection in its figure, since one process may have several.
func newLost(name string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pse_bus_connections_lost_total", Help: "Times the connection to the bus broke.", ConstLabels: prometheus.Labels{"worker": name},
	})
}

// handles are of logs and buckets. They are kept: getting one asks the server.
type handles struct {
	mu      sync.Mutex // guards the two below
	streams map[string]jetstream.Stream
	buckets map[string]jetstream.KeyValue
}

func newHandles() handles {
	return handles{streams: map[string]jetstream.Stream{}, buckets: map[string]jetstream.KeyValue{}}
}
