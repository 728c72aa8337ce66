package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A gauge takes a lease and gives it back all the time, and knows for how long it could not.
type gauge struct{ longest atomic.Int64 }

func newGauge(t *testing.T, b *Bus) *gauge {
	t.Helper()
	g, l := &gauge{}, testLeases(t, b)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	wg.Go(func() {
		took := time.Now()
		for ctx.Err() == nil {
			try, stop := context.WithTimeout(ctx, LeaseTimeout/3) // as long as a renewal waits for its answer
			if le, err := l.TryAcquire(try, "gauge", nil); err == nil {
				_ = le.Release(try)
				g.longest.Store(max(g.longest.Load(), int64(time.Since(took))))
				took = time.Now()
			}
			stop()
			sleep.For(ctx, 20*time.Millisecond)
		}
	})
	return g
}

// excuses says whether the bus took nothing for so long that a lease may have
// been lost: one that was to be renewed just then.
func (g *gauge) excuses() bool {
	return time.Duration(g.longest.Load()) > LeaseTimeout-LeaseTimeout/3-100*time.Millisecond
}

func (g *gauge) String() string {
	return time.Duration(g.longest.Load()).Round(time.Millisecond).String()
}
