package bus

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/client"
)

// Bus is a worker's connection. Its methods may be called from any goroutine.
//
// What workers agree on is a type for each thing of theirs, which has the
// connection and no more. Their methods are Bus's.
type Bus struct {
	callsLog
	directs
	eventsLog
	guesses
	streamRecords
	mediaLog
	partsLog
	relayRecords
	roomRecords
	services
	sharedSecrets
	streamKeys
	viewers

	conn  *conn.Conn
	name  string
	log   *zap.Logger
	meter *meter
	logs  *adjuster

	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	keepers sync.WaitGroup // counts logs.keep
}

func newBus(c *conn.Conn, name string, log *zap.Logger, logs *adjuster) *Bus {
	b := &Bus{
		callsLog: callsLog{c}, directs: directs{c}, eventsLog: eventsLog{c, log}, guesses: guesses{c}, streamRecords: streamRecords{c}, mediaLog: mediaLog{c},
		partsLog: partsLog{c}, relayRecords: relayRecords{c}, roomRecords: roomRecords{c}, services: services{c}, sharedSecrets: sharedSecrets{c},
		streamKeys: streamKeys{c}, viewers: viewers{c},
		conn: c, name: name, log: log, meter: newMeter(name), logs: logs,
	}
	b.ctx, b.stop = context.WithCancel(c.Context())
	return b
}

// ID is this connection's own name, unique for ever: the worker's id.
func (b *Bus) ID() string { return b.conn.ID() }

// Connected reports whether the bus can be reached now.
func (b *Bus) Connected() bool { return b.conn.Connected() }

// Links counts how often the connection was remade. It is known before
// anything can be sent over the new one: what was in memory at the server may
// be gone.
func (b *Bus) Links() uint64 { return b.conn.Remakes() }

// AwayFor is how long the bus could not be reached; 0 while it can.
func (b *Bus) AwayFor() time.Duration { return b.conn.AwayFor() }

// aliveSubject is where the connection of an ID answers while it is there.
func aliveSubject(id string) string { return "worker." + id + ".alive" }

// Alive says whether the worker with this Bus.ID has a connection. Only who
// is surely gone (twice nobody listens) is not alive: a worker that is slow
// or stopped, and everybody while our own connection is new or away, is.
func (b *Bus) Alive(ctx context.Context, id string) bool { return conn.Alive(ctx, b.conn, id) }

// Time is what the clock of the bus's server says, which may be another machine.
func (b *Bus) Time(ctx context.Context) (time.Time, error) {
	s, err := b.conn.JetStream().Stream(ctx, logEvents)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask the bus for its time: %w", err)
	}
	return s.CachedInfo().TimeStamp, nil
}

// Client is what integrators have (package client), over this connection and for the
// process's own use. log hears of what is tried again or given up; nil: nobody does.
// It ends with the Bus; do not close it.
func (b *Bus) Client(log *slog.Logger) *client.Client {
	return client.On(b.conn.JetStream(), logEvents, log)
}

// Collectors are the metrics of this connection.
func (b *Bus) Collectors() []prometheus.Collector {
	return append(b.conn.Collectors(), b.meter.published)
}

// Close sends what is buffered and ends the connection.
func (b *Bus) Close() {
	if b == nil {
		return
	}
	b.stop()
	b.keepers.Wait()
	b.conn.Close()
}
