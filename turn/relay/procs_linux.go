package relay

import (
	"runtime"
	"sync/atomic"
	"time"
)

// calm is for how long no loop must have been busy until the Ps are taken back.
const calm = 10 * time.Second

// procs are the Ps of busy loops. A loop that is woken often does not let go of
// its P while it waits: to find one again costs as much as to relay. So that all
// others have theirs, GOMAXPROCS is raised by the number of shards, but only while
// there is such a loop: a P too many has Go wake threads for nothing. Both stop
// the world for some microseconds, hence the calm between them.
type procs struct {
	loops   int
	wanted  chan struct{} // a loop is busy
	used    atomic.Bool   // a loop was busy
	raised  atomic.Bool   // loops have Ps
	closing chan struct{}
	closed  chan struct{} // when run has ended
}

func newProcs(loops int) *procs {
	return &procs{loops: loops, wanted: make(chan struct{}, 1), closing: make(chan struct{}), closed: make(chan struct{})}
}

// want is what a busy loop calls each turn. It tells whether the loop has its P.
func (p *procs) want() bool {
	if !p.used.Load() {
		p.used.Store(true)
	}
	if p.raised.Load() {
		return true
	}
	select {
	case p.wanted <- struct{}{}:
	default:
	}
	return false
}

// run raises GOMAXPROCS while loops want it, until close.
func (p *procs) run() {
	defer close(p.closed)
	for {
		select {
		case <-p.wanted:
		case <-p.closing:
			return
		}
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + p.loops)
		p.raised.Store(true)
		over := p.untilCalm()
		p.raised.Store(false)
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)-p.loops))
		if over {
			return
		}
	}
}

// untilCalm waits until no loop has been busy for a while; it tells whether they
// are closed.
func (p *procs) untilCalm() (over bool) {
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

// close ends run, with GOMAXPROCS as it was.
func (p *procs) close() {
	close(p.closing)
	<-p.closed
}
