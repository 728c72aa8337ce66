package bus

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A gauge takes a lease and gives it back all the time, and knows for how long it could not.
type gauge struct {
	mu      sync.Mutex // guards what follows
	last    time.Time  // when it last could
	longest time.Duration
}

func newGauge(t *testing.T, b *Bus) *gauge {
	t.Helper()
	g, l := &gauge{last: time.Now()}, testLeases(t, b)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			try, stop := context.WithTimeout(ctx, LeaseTimeout/3) // as long as a renewal waits for its answer
			if le, err := l.TryAcquire(try, "gauge", nil); err == nil {
				_ = le.Release(try)
				g.away()
				g.mu.Lock()
				g.last = time.Now()
				g.mu.Unlock()
			}
			stop()
			sleep.For(ctx, 20*time.Millisecond)
		}
	})
	return g
}

// away is the longest time that the bus took nothing for, until now.
func (g *gauge) away() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.longest = max(g.longest, time.Since(g.last))
	return g.longest
}

// excuses says whether the bus took nothing for so long that a lease may have
// been lost: one that was to be renewed just then.
func (g *gauge) excuses() bool { return g.away() > LeaseTimeout-LeaseTimeout/3-100*time.Millisecond }

func (g *gauge) String() string { return g.away().Round(time.Millisecond).String() }
