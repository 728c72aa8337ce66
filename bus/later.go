package bus

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	laterLanes = 16  // events that are on their way at once
	laterMost  = 256 // bounds those that wait behind one
)

// Later publishes events behind the caller's back: what is told of must not
// wait for its being told. Those of a resource are published in the order in
// which they came. An event waits while the bus is away. Those that wait are lost
// with the process: what follows from state is to be published again from it.
type Later struct {
	b     *Bus
	lanes [laterLanes]chan Event
	seed  maphash.Seed
	lost  atomic.Uint64
}

// NewLater makes a queue; Run empties it.
func NewLater(b *Bus) *Later {
	l := &Later{b: b, seed: maphash.MakeSeed()}
	for i := range l.lanes {
		l.lanes[i] = make(chan Event, laterMost)
	}
	return l
}

// lane is where an event of that resource waits.
func (l *Later) lane(ev Event) chan Event {
	return l.lanes[maphash.String(l.seed, ev.Resource())%laterLanes]
}

// Tell queues an event. While too many wait it waits too, until ctx ends.
func (l *Later) Tell(ctx context.Context, ev Event) error {
	select {
	case l.lane(ev) <- ev:
		return nil
	case <-ctx.Done():
		l.lost.Add(1)
		return ctx.Err()
	}
}

// Offer queues an event. While too many wait it is lost, and that is logged.
func (l *Later) Offer(ev Event) {
	select {
	case l.lane(ev) <- ev:
	default:
		l.lost.Add(1)
	}
}

// Run publishes until ctx ends, then what is still queued, as far as that
// goes in a second.
func (l *Later) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, lane := range l.lanes {
		wg.Go(func() { l.empty(ctx, lane) })
	}
}

func (l *Later) empty(ctx context.Context, lane chan Event) {
	for {
		select {
		case ev := <-lane:
			l.publish(ctx, ev)
		case <-ctx.Done():
			l.finish(ctx, lane)
			return
		}
	}
}

func (l *Later) finish(ctx context.Context, lane chan Event) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for {
		select {
		case ev := <-lane:
			l.publish(last, ev)
		default:
			return
		}
	}
}

// publish publishes one event, however long that takes. When ctx ends under it
// the event has another second.
func (l *Later) publish(ctx context.Context, ev Event) {
	if n := l.lost.Swap(0); n > 0 {
		l.b.log.Warn("events are lost: the bus takes them too slowly", zap.Uint64("events", n))
	}
	err := Publish(ctx, l.b, ev)
	for ctx.Err() == nil && (errors.Is(err, ErrAway) || errors.Is(err, context.DeadlineExceeded)) {
		err = Publish(ctx, l.b, ev)
	}
	if err != nil && ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = Publish(last, l.b, ev)
	}
	if err != nil {
		l.b.log.Warn("an event is lost", zap.String("topic", ev.Topic()), zap.Error(err))
	}
}
