package turn

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/turn/relay"
)

// traffic counts what an allocation relays by the fallback, and bounds it
// from when pion tells its user.
type traffic struct {
	limiter           atomic.Pointer[relay.RateLimiter] // nil: no bounds
	toPeers, toClient way

	mu    sync.Mutex // guards what follows
	ended bool
}

// bound has it be bounded by a limiter, unless it has ended. Nil-safe.
func (t *traffic) bound(open func() *relay.RateLimiter) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.limiter.Store(open())
	}
}

// end gives the limiter back.
func (t *traffic) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.limiter.Load().Close()
}

// usage is what was carried so far. Nil-safe.
func (t *traffic) usage() (u relay.Usage) {
	if t != nil {
		u.ToPeers = relay.Traffic{Packets: t.toPeers.packets.Load(), Bytes: t.toPeers.bytes.Load()}
		u.ToClient = relay.Traffic{Packets: t.toClient.packets.Load(), Bytes: t.toClient.bytes.Load()}
	}
	return u
}

// way is one direction.
type way struct {
	bytes, packets atomic.Uint64
	all            *atomic.Uint64 // bytes of all allocations
}

// takes counts a packet, unless it is too much.
func (t *traffic) takes(w *way, n int) bool {
	if !t.limiter.Load().Pass(n) {
		return false
	}
	w.count(n)
	return true
}

// waitStep is how long a connection is held up at least when it is too fast.
const waitStep = 5 * time.Millisecond

// waits counts what a connection carried, and holds it up while it is too much.
func (t *traffic) waits(w *way, n int) {
	for !t.limiter.Load().Pass(n) {
		time.Sleep(waitStep)
	}
	w.count(n)
}

func (w *way) count(n int) {
	w.bytes.Add(uint64(n))
	w.packets.Add(1)
	w.all.Add(uint64(n))
}
