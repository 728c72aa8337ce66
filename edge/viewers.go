package edge

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// tick is how often viewers are counted and told to the other edges.
const tick = 2 * time.Second

// hasher tells viewers apart, without knowing who they are.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

// viewer is the hash that tells a viewer from others: of an address and a
// player's name.
func (h hasher) viewer(addr, agent string) uint64 {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[:i] // another port is the same viewer
	}
	return maphash.String(h.seed, addr) ^ maphash.String(h.seed, agent)<<1
}

// viewerTotals is what all edges count.
type viewerTotals struct {
	mu    sync.Mutex
	edges map[string]report
}

// report is what one edge said last.
type report struct {
	at      time.Time
	viewers map[string]int // by sid
}

func newViewerTotals() *viewerTotals { return &viewerTotals{edges: map[string]report{}} }

func (v *viewerTotals) set(edge string, viewers map[string]int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	for id, r := range v.edges {
		if now.Sub(r.at) > 3*tick {
			delete(v.edges, id)
		}
	}
	v.edges[edge] = report{now, viewers}
}

// of is how many watch a stream, all edges together.
func (v *viewerTotals) of(sid string, now time.Time) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, r := range v.edges {
		if now.Sub(r.at) <= 3*tick {
			n += r.viewers[sid]
		}
	}
	return n
}
