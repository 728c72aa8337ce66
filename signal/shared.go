package signal

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/socketio"
)

// shared is what all signal workers have in common: the bus, or a model of it in tests.
type shared interface {
	ID() string
	Alive(ctx context.Context, id string) bool
	GetRoom(ctx context.Context, name string) (*bus.Room, error)
	UpdateRoom(ctx context.Context, name string, f func(*bus.Room) error) (*bus.Room, error)
	WatchRooms(ctx context.Context, f func(*bus.Room), synced func()) error
	PublishSignals(ctx context.Context, n uint64, batch []byte) error
	// followSignals reads the log of calls from a time on; empty: there is nothing yet.
	followSignals(ctx context.Context, since time.Time) (log signalLog, empty bool, err error)
	publish(ctx context.Context, facts ...bus.Fact) error // until they are stored, or for publishPatience
	tell(ctx context.Context, facts ...bus.Fact) error    // publishes soon
}

type signalLog interface {
	Next(ctx context.Context) (seq uint64, signals []bus.Signal, pending uint64, err error)
	Stop()
}

// publishPatience is how long who takes a member out waits for its events to be
// stored: another one goes on then.
const publishPatience = 10 * time.Second

// overBus is the real one.
type overBus struct {
	*bus.Bus
	events *bus.Outbox
}

func (o overBus) followSignals(ctx context.Context, since time.Time) (signalLog, bool, error) {
	r, err := o.FollowSignals(ctx, since)
	if err != nil {
		return nil, false, err
	}
	return r, r.Empty, nil
}

func (o overBus) publish(ctx context.Context, facts ...bus.Fact) error {
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	return o.events.Store(ctx, facts...)
}

func (o overBus) tell(ctx context.Context, facts ...bus.Fact) error {
	return o.events.Add(ctx, facts...)
}

// socket is a client's socket (socketio.Socket), as far as rooms need it.
type socket interface {
	ID() string
	PID() string
	Emit(e socketio.Event) error
	Disconnect()
	Close()
}
