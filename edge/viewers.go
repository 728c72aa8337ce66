package edge

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// seenFor is how long after its last request for a media list a viewer is
// counted: 3 target durations of 4 s.
const seenFor = 12 * time.Second

// audience is who watches one stream here. A viewer is an address with a
// player's name, remembered as a hash only.
type audience struct {
	mu   sync.Mutex
	last map[uint64]int64 // when seen, unix s
}

// viewerOf is the hash of who asks.
func (w *Worker) viewerOf(addr, agent string) uint64 {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[:i] // another port is the same viewer
	}
	return maphash.String(w.seed, addr) ^ maphash.String(w.seed, agent)<<1
}

// saw notes a request; beyond limit viewers new ones are not counted.
func (a *audience) saw(who uint64, now time.Time, limit int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last = map[uint64]int64{}
	}
	if _, known := a.last[who]; known || len(a.last) < limit {
		a.last[who] = now.Unix()
	}
}

// count forgets who has left and counts the rest.
func (a *audience) count(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := now.Add(-seenFor).Unix()
	for key, at := range a.last {
		if at < before {
			delete(a.last, key)
		}
	}
	return len(a.last)
}

// crowd is what all edges count.
type crowd struct {
	mu    sync.Mutex
	edges map[string]told
}

// told is what one edge said last.
type told struct {
	at      time.Time
	viewers map[string]int // by sid
}

func newCrowd() *crowd { return &crowd{edges: map[string]told{}} }

func (c *crowd) set(edge string, viewers map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for id, t := range c.edges {
		if now.Sub(t.at) > 3*tick {
			delete(c.edges, id)
		}
	}
	c.edges[edge] = told{now, viewers}
}

// total is how many watch a stream, all edges together.
func (c *crowd) total(sid string, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, t := range c.edges {
		if now.Sub(t.at) <= 3*tick {
			n += t.viewers[sid]
		}
	}
	return n
}

// tellViewers counts, and tells all edges, this one too.
func (w *Worker) tellViewers(now time.Time) {
	counts := map[string]int{}
	for _, s := range w.dir.streams() {
		if n := s.viewers.count(now); n > 0 {
			counts[s.sid] = n
		}
	}
	if err := w.bus.TellViewers(counts); err != nil {
		w.log.Debug("cannot tell the other edges how many watch", zap.Error(err))
	}
	w.crowd.set(w.bus.ID(), counts)
}

func (w *Worker) viewersHere() (n int) {
	now := time.Now()
	for _, s := range w.dir.streams() {
		n += s.viewers.count(now)
	}
	return n
}
