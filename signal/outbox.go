package signal

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"go.uber.org/zap"
)

// Bounds of what waits for the log. A batch is closed at batchBytes, and whoever
// adds when outboxBytes wait has to wait too: a client that sends is then not read.
const (
	batchBytes  = 512 << 10
	outboxBytes = 32 << 20
)

// A batch costs about the same whatever is in it, so the more comes the longer
// it is gathered for. That is measured over rateTime; from busy signals a second
// on it is for the whole linger, and never for less than an eighth of that.
const (
	rateTime = 100 * time.Millisecond
	busy     = 5000
)

// outbox writes signals to the log: what comes while a batch is on its way, or
// within the pause after one, goes with the next. One batch is on its way at a
// time, so signals are in the log in the order in which they were added.
type outbox struct {
	publish func(ctx context.Context, n uint64, batch []byte) error
	linger  time.Duration // the longest pause
	log     *zap.Logger
	metrics *metrics

	// run's alone:
	rate float64   // signals a second, of late
	last time.Time // when the last batch was taken

	mu      sync.Mutex // guards what follows
	batches []*batch   // the last one is open
	size    int        // bytes in batches
	spare   []byte     // a batch's that was stored
	stopped bool
	wake    chan struct{} // there is something; holds at most one
	room    chan struct{} // closed when there is room again
}

type batch struct {
	data    []byte
	signals int
	done    []func()
}

func newOutbox(publish func(context.Context, uint64, []byte) error, linger time.Duration, m *metrics, log *zap.Logger) *outbox {
	return &outbox{publish: publish, linger: linger, log: log, metrics: m, wake: make(chan struct{}, 1), room: make(chan struct{})}
}

// add queues signals that stand together in the log: all of them or none. done,
// if not nil, is called when they are there; it must not wait. add waits while
// too much is queued.
func (o *outbox) add(ctx context.Context, done func(), signals ...bus.Signal) error {
	for {
		o.mu.Lock()
		if o.stopped {
			o.mu.Unlock()
			return errStopped
		}
		if o.size < outboxBytes {
			break
		}
		room := o.room
		o.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer o.mu.Unlock()
	if n := len(o.batches); n == 0 || len(o.batches[n-1].data) >= batchBytes {
		o.batches = append(o.batches, &batch{data: o.spare})
		o.spare = nil
	}
	b := o.batches[len(o.batches)-1]
	before := len(b.data)
	for i := range signals {
		b.data = signals[i].Append(b.data)
	}
	b.signals += len(signals)
	o.size += len(b.data) - before
	if done != nil {
		b.done = append(b.done, done)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// stored adds signals and waits until they are in the log.
func (o *outbox) stored(ctx context.Context, signals ...bus.Signal) error {
	done := make(chan struct{})
	if err := o.add(ctx, func() { close(done) }, signals...); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take is the oldest batch, nil if there is none.
func (o *outbox) take() *batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.batches) == 0 {
		return nil
	}
	b := o.batches[0]
	o.batches = o.batches[1:]
	full := o.size >= outboxBytes
	o.size -= len(b.data)
	if full && o.size < outboxBytes {
		close(o.room)
		o.room = make(chan struct{})
	}
	return b
}

// reuse keeps a stored batch's bytes for one to come.
func (o *outbox) reuse(data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(data) <= 2*batchBytes { // not one that a single large message made
		o.spare = data[:0]
	}
}

// run publishes until ctx ends; what is queued then is lost, and nobody was
// told otherwise.
func (o *outbox) run(ctx context.Context) {
	defer func() {
		o.mu.Lock()
		o.stopped = true
		close(o.room)
		o.mu.Unlock()
	}()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for n := uint64(1); ; n++ {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		b := o.take()
		for b == nil {
			select {
			case <-o.wake:
			case <-ctx.Done():
				return
			}
			b = o.take()
		}
		pause.Reset(o.pause(b.signals, time.Now()))
		if !o.store(ctx, n, b) {
			return
		}
		o.metrics.batches.Inc()
		o.metrics.signals.Add(float64(b.signals))
		for _, done := range b.done {
			done()
		}
		o.reuse(b.data)
	}
}

// pause is how long to wait after a batch that is taken now.
func (o *outbox) pause(signals int, now time.Time) time.Duration {
	o.rate = o.rate*math.Exp(-float64(now.Sub(o.last))/float64(rateTime)) + float64(signals)/rateTime.Seconds()
	o.last = now
	return time.Duration(float64(o.linger) * min(1, max(1./8, o.rate/busy)))
}

// store publishes a batch until the log has it; false when ctx ended before.
func (o *outbox) store(ctx context.Context, n uint64, b *batch) bool {
	for warned := false; ; {
		err := o.publish(ctx, n, b.data)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case errors.Is(err, bus.ErrTooLarge): // cannot be: batches are bounded
			o.log.Error("signals lost", zap.Error(err))
			return true
		case !warned:
			warned = true
			o.log.Warn("signals wait for the log", zap.Error(err))
		}
		if !sleep.For(ctx, 20*time.Millisecond) {
			return false
		}
	}
}
