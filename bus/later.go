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
	lanes [laterLanes]chan queued
	seed  maphash.Seed
	lost  atomic.Uint64
}

// queued is an event that waits, and who wants to know what became of it, or nil.
type queued struct {
	ev   Event
	then func(stored bool)
}

// NewLater makes a queue; Run empties it.
func NewLater(b *Bus) *Later {
	l := &Later{b: b, seed: maphash.MakeSeed()}
	for i := range l.lanes {
		l.lanes[i] = make(chan queued, laterMost)
	}
	return l
}

// lane is where an event of that resource waits.
func (l *Later) lane(ev Event) chan queued {
	return l.lanes[maphash.String(l.seed, ev.Resource())%laterLanes]
}

// Tell queues an event. While too many wait it waits too, until ctx ends.
func (l *Later) Tell(ctx context.Context, ev Event) error {
	select {
	case l.lane(ev) <- queued{ev, nil}:
		return nil
	case <-ctx.Done():
		l.lost.Add(1)
		return ctx.Err()
	}
}

// Offer queues an event. While too many wait it is lost, and that is logged.
func (l *Later) Offer(ev Event) {
	select {
	case l.lane(ev) <- queued{ev, nil}:
	default:
		l.lost.Add(1)
	}
}

// OfferThen queues an event for whoever keeps what it follows from: then is
// called, from wherever, once it is stored, or not, as when too many wait.
func (l *Later) OfferThen(ev Event, then func(stored bool)) {
	select {
	case l.lane(ev) <- queued{ev, then}:
	default:
		then(false)
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

func (l *Later) empty(ctx context.Context, lane chan queued) {
	for {
		select {
		case q := <-lane:
			l.publish(ctx, q)
		case <-ctx.Done():
			l.finish(ctx, lane)
			return
		}
	}
}

func (l *Later) finish(ctx context.Context, lane chan queued) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for {
		select {
		case q := <-lane:
			l.publish(last, q)
		default:
			return
		}
	}
}

// publish publishes one event, however long that takes. When ctx ends under it
// the event has another second.
func (l *Later) publish(ctx context.Context, q queued) {
	if n := l.lost.Swap(0); n > 0 {
		l.b.log.Warn("events are lost: the bus takes them too slowly", zap.Uint64("events", n))
	}
	err := Publish(ctx, l.b, q.ev)
	for ctx.Err() == nil && (errors.Is(err, ErrAway) || errors.Is(err, context.DeadlineExceeded)) {
		err = Publish(ctx, l.b, q.ev)
	}
	if err != nil && ctx.Err() != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = Publish(last, l.b, q.ev)
	}
	switch {
	case q.then != nil:
		q.then(err == nil)
	case err != nil:
		l.b.log.Warn("an event is lost", zap.String("topic", q.ev.Topic()), zap.Error(err))
	}
}
