package bus

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// laterMost bounds the events that wait to be published.
const laterMost = 4096

// Later publishes events behind the caller's back, in the order in which they
// came: what is told of must not wait for its being told. An event waits while
// the bus is away. Those that wait are lost with the process: what follows
// from state is to be published again from it.
type Later struct {
	b     *Bus
	queue chan Event
	lost  atomic.Uint64
}

// NewLater makes a queue; Run empties it.
func NewLater(b *Bus) *Later { return &Later{b: b, queue: make(chan Event, laterMost)} }

// Tell queues an event. While 4,096 wait it waits too, until ctx ends.
func (l *Later) Tell(ctx context.Context, ev Event) error {
	select {
	case l.queue <- ev:
		return nil
	case <-ctx.Done():
		l.lost.Add(1)
		return ctx.Err()
	}
}

// Offer queues an event. While 4,096 wait it is lost, and that is logged.
func (l *Later) Offer(ev Event) {
	select {
	case l.queue <- ev:
	default:
		l.lost.Add(1)
	}
}

// Run publishes until ctx ends, then what is still queued, as far as that
// goes in a second.
func (l *Later) Run(ctx context.Context) {
	for {
		select {
		case ev := <-l.queue:
			l.publish(ctx, ev)
		case <-ctx.Done():
			l.finish(ctx)
			return
		}
	}
}

func (l *Later) finish(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for {
		select {
		case ev := <-l.queue:
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
