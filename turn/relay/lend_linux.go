package relay

import (
	"runtime"
	"time"
)

// calm is for how long no loop must have been busy until the Ps are taken back.
const calm = 10 * time.Second

// A loop that is woken often does not let go of its P while it waits: to find
// one again costs as much as to relay. So that all others have theirs, the Plane
// raises GOMAXPROCS by the number of shards, but only while there is such a
// loop: a P too many has Go wake threads for nothing. Both stop the world for
// some microseconds, hence the calm between them.

// want is what a busy loop calls each turn. It tells whether the loop has its P.
func (p *Plane) want() bool {
	if !p.used.Load() {
		p.used.Store(true)
	}
	if p.lent.Load() {
		return true
	}
	select {
	case p.wanted <- struct{}{}:
	default:
	}
	return false
}

// lend gives Ps to loops, and takes them back, until the Plane is closed.
func (p *Plane) lend() {
	defer close(p.settled)
	for {
		select {
		case <-p.wanted:
		case <-p.closing:
			return
		}
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + len(p.shards))
		p.lent.Store(true)
		over := p.wanting()
		p.lent.Store(false)
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-len(p.shards)))
		if over {
			return
		}
	}
}

// wanting waits until no loop has been busy for a while; it tells whether the
// Plane is closed.
func (p *Plane) wanting() (over bool) {
	tick := time.NewTicker(calm)
	defer tick.Stop()
	for p.used.Swap(false) {
		select {
		case <-tick.C:
		case <-p.closing:
			return true
		}
	}
	return false
}
