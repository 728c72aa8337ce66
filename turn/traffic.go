package turn

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// traffic counts what an allocation relays, and bounds it.
type traffic struct {
	toPeers, toClient way
}

// way is one direction. Limits may be nil.
type way struct {
	bytes, packets, dropped atomic.Uint64
	limits                  [2]*rate.Limiter // of the allocation, and of its user; bytes
	all                     *atomic.Uint64   // bytes of the whole worker
}

// take counts a packet, unless it is too much.
func (w *way) take(n int) bool {
	now := time.Now()
	for _, l := range w.limits {
		if l != nil && !l.AllowN(now, n) {
			w.dropped.Add(1)
			return false
		}
	}
	w.bytes.Add(uint64(n))
	w.packets.Add(1)
	if w.all != nil {
		w.all.Add(uint64(n))
	}
	return true
}

// wait counts what a connection carried, and holds it up when it is too much.
func (w *way) wait(n int) {
	for _, l := range w.limits {
		if l != nil {
			_ = l.WaitN(context.Background(), min(n, l.Burst())) // cannot fail
		}
	}
	w.bytes.Add(uint64(n))
	w.packets.Add(1)
	if w.all != nil {
		w.all.Add(uint64(n))
	}
}

// bandwidth makes the limit of so many bits a second; nil: none.
func bandwidth(bps int) *rate.Limiter {
	if bps == 0 {
		return nil
	}
	second := bps / 8
	return rate.NewLimiter(rate.Limit(second), max(second/4, 64<<10)) // a key frame comes at once
}
