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

// Bounds of what waits for the log. A batch is closed at batchBytes. While queueBytes
// wait, adding more waits too: a client that sends is then not read.
const (
	batchBytes = 512 << 10
	queueBytes = 32 << 20
)

// A batch costs about the same whatever is in it, so the more signals there are the
// longer they are gathered. That is measured over rateTime; from busy signals a second
// on it is for the whole linger, and never for less than an eighth of that.
const (
	rateTime = 100 * time.Millisecond
	busy     = 5000
)

// batcher writes signals to the log: what comes while a batch is being published, or
// within the pause after one, goes with the next. One batch is published at a time, so
// signals are in the log in the order in which they were added. What is queued when
// the worker stops is lost, and nobody was told otherwise.
type batcher struct {
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
	spare   []byte     // a batch's that was stored, for the next
	stopped bool
	wake    chan struct{} // there is something; holds at most one
	freed   chan struct{} // closed when size falls below queueBytes
}

type batch struct {
	data    []byte
	signals int
	done    []func()
}

func newBatcher(publish func(context.Context, uint64, []byte) error, linger time.Duration, m *metrics, log *zap.Logger) *batcher {
	return &batcher{publish: publish, linger: linger, log: log, metrics: m, wake: make(chan struct{}, 1), freed: make(chan struct{})}
}

// add queues signals that stand together in the log: all of them or none. done,
// if not nil, is called when they are there; it must not wait. add waits while
// too much is queued.
func (b *batcher) add(ctx context.Context, done func(), signals ...bus.Signal) error {
	for {
		b.mu.Lock()
		if b.stopped {
			b.mu.Unlock()
			return errStopped
		}
		if b.size < queueBytes {
			break
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer b.mu.Unlock()
	if n := len(b.batches); n == 0 || len(b.batches[n-1].data) >= batchBytes {
		b.batches = append(b.batches, &batch{data: b.spare})
		b.spare = nil
	}
	open := b.batches[len(b.batches)-1]
	before := len(open.data)
	for i := range signals {
		open.data = signals[i].Append(open.data)
	}
	open.signals += len(signals)
	b.size += len(open.data) - before
	if done != nil {
		open.done = append(open.done, done)
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

// store adds signals and waits until they are in the log.
func (b *batcher) store(ctx context.Context, signals ...bus.Signal) error {
	done := make(chan struct{})
	if err := b.add(ctx, func() { close(done) }, signals...); err != nil {
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
func (b *batcher) take() *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.batches) == 0 {
		return nil
	}
	oldest := b.batches[0]
	b.batches = b.batches[1:]
	full := b.size >= queueBytes
	b.size -= len(oldest.data)
	if full && b.size < queueBytes {
		close(b.freed)
		b.freed = make(chan struct{})
	}
	return oldest
}

// reuse keeps a stored batch's bytes for the next.
func (b *batcher) reuse(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cap(data) <= 2*batchBytes { // not one that a single large message made
		b.spare = data[:0]
	}
}

// run publishes until ctx ends.
func (b *batcher) run(ctx context.Context) {
	defer func() {
		b.mu.Lock()
		b.stopped = true
		close(b.freed)
		b.mu.Unlock()
	}()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for n := uint64(1); ; n++ {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		next := b.take()
		for next == nil {
			select {
			case <-b.wake:
			case <-ctx.Done():
				return
			}
			next = b.take()
		}
		pause.Reset(b.pause(next.signals, time.Now()))
		if !b.put(ctx, n, next.data) {
			return
		}
		b.metrics.batches.Inc()
		b.metrics.signals.Add(float64(next.signals))
		for _, done := range next.done {
			done()
		}
		b.reuse(next.data)
	}
}

// pause is how long to wait after a batch that is taken now.
func (b *batcher) pause(signals int, now time.Time) time.Duration {
	b.rate = b.rate*math.Exp(-float64(now.Sub(b.last))/float64(rateTime)) + float64(signals)/rateTime.Seconds()
	b.last = now
	return time.Duration(float64(b.linger) * min(1, max(1./8, b.rate/busy)))
}

// put publishes a batch until the log has it; false when ctx ended before.
func (b *batcher) put(ctx context.Context, n uint64, data []byte) bool {
	for warned := false; ; {
		err := b.publish(ctx, n, data)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return false
		case errors.Is(err, bus.ErrTooLarge): // cannot be: batches are bounded
			b.log.Error("signals lost", zap.Error(err))
			return true
		case !warned:
			warned = true
			b.log.Warn("signals wait for the log", zap.Error(err))
		}
		if !sleep.For(ctx, 20*time.Millisecond) {
			return false
		}
	}
}
