package stream

import (
	"sync"
	"time"
)

// seenFor is how long after its last request for a media list a viewer is
// counted: 3 target durations of 4 s.
const seenFor = 12 * time.Second

// audience is the viewers of one stream here, each a hash of what tells it from
// others.
type audience struct {
	mu   sync.Mutex
	last map[uint64]int64 // when seen, unix s
}

// saw notes a request; beyond limit viewers new ones are not counted.
func (a *audience) saw(viewer uint64, now time.Time, limit int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last = map[uint64]int64{}
	}
	if _, known := a.last[viewer]; known || len(a.last) < limit {
		a.last[viewer] = now.Unix()
	}
}

// count forgets viewers that have left and counts the rest.
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
