package turn

import (
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/turn/relay"
)

// traffic counts what an allocation relays on the plain path, and bounds it.
type traffic struct {
	gate              *relay.Gate // nil: no bounds
	toPeers, toClient way
}

// way is one direction.
type way struct {
	bytes, packets atomic.Uint64
	all            *atomic.Uint64 // bytes of all allocations
}

// takes counts a packet, unless it is too much.
func (t *traffic) takes(w *way, n int) bool {
	if !t.gate.Pass(n) {
		return false
	}
	w.count(n)
	return true
}

// waitStep is how long a connection is held up at least when it is too fast.
const waitStep = 5 * time.Millisecond

// waits counts what a connection carried, and holds it up while it is too much.
func (t *traffic) waits(w *way, n int) {
	for !t.gate.Pass(n) {
		time.Sleep(waitStep)
	}
	w.count(n)
}

func (w *way) count(n int) {
	w.bytes.Add(uint64(n))
	w.packets.Add(1)
	w.all.Add(uint64(n))
}
