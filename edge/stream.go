package edge

import (
	"context"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// lagSegments is how many segments a rendition may be behind the newest and
// still be in the master. When the newest has gone on by as many and nothing
// at all came of it, it is no longer made: out of the others' reports too,
// and who asks for its list is told.
const lagSegments = 3

// stream is one stream that this edge follows.
type stream struct {
	sid, name string
	keep      int64 // how much of the live edge's bytes are kept, ms, beyond 3 target durations
	dvr       time.Duration

	mu         sync.RWMutex // guards the windows, inits and the map
	renditions map[string]*rendition
	session    string // the newest

	master *feed[*master]
	loaded chan struct{} // closed when the log was read up to its end once
	used   atomic.Int64  // when a request last came, unix s
	cancel context.CancelFunc

	viewers audience
}

func newStream(sid, name string, cfg Config, now time.Time) *stream {
	s := &stream{
		sid: sid, name: name, keep: cfg.PinExtra.Milliseconds(), dvr: cfg.DVR,
		renditions: map[string]*rendition{}, master: newFeed(&master{}), loaded: make(chan struct{}),
	}
	s.used.Store(now.Unix())
	return s
}

// rendition is the one of that name, nil if there is nothing of it.
func (s *stream) rendition(name string) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.renditions[name]; r != nil && r.lists != nil {
		return r
	}
	return nil
}

// ordered is the rendition at a place of the master, nil if there is none.
func (s *stream) ordered(order int) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.current() {
		if r.window.newest().info.Order == order {
			return r
		}
	}
	return nil
}

// pinned is how many bytes of media are kept in memory at the live edge.
func (s *stream) pinned() (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.renditions {
		n += r.pins.bytes
	}
	return n
}

// apply takes the next message of the log. The follower alone calls it.
func (s *stream) apply(m *bus.Part) {
	s.mu.Lock()
	r := s.renditions[m.Rendition]
	if r == nil {
		r = &rendition{name: m.Rendition, window: newWindow(s.dvr), inits: map[string]uint64{}}
		r.window.twin = func(msn uint64) *segment { return s.twin(r, msn) }
	}
	p, changed := r.window.apply(m)
	if !changed {
		s.mu.Unlock()
		return
	}
	s.renditions[m.Rendition] = r
	if m.Segment != nil && (s.newest() == nil || !s.knows(m.Segment.Session, r)) {
		s.session = m.Segment.Session
	}
	if m.Segment != nil {
		r.kind = m.Segment.Kind
		r.keepInit(m.Segment.InitID, m.Seq)
	}
	if p != nil {
		target := int64(r.window.newest().info.Target) * 1000
		r.pins.add(p, m.Data, partTargets*target+s.keep)
	}
	r.seen = s.newest().msn
	current := s.current()
	l := newList(r, current)
	if r.lists == nil {
		r.lists = newFeed(l)
	}
	s.mu.Unlock()

	// In this order, so that what the master lists has its list at every moment.
	r.lists.put(l)
	if m.Segment != nil || m.Last || m.EOS {
		s.master.put(newMaster(current))
		s.dropStale(current)
	}
}

// dropStale wakes who waits for a rendition that has fallen behind.
func (s *stream) dropStale(current []*rendition) {
	for _, r := range s.renditions {
		if v := &r.lists.current().value.view; !v.dropped && !v.ended && !slices.Contains(current, r) {
			r.lists.put(newList(r, current))
		}
	}
}

// current lists the renditions of the newest session that are being made, in
// the master's order. It is called with the lock held.
func (s *stream) current() []*rendition {
	newest := s.newest()
	var all []*rendition
	for _, r := range s.renditions {
		if r.window.newest().info.Session == newest.info.Session && r.seen+lagSegments >= newest.msn {
			all = append(all, r)
		}
	}
	sort.Slice(all, func(i, k int) bool {
		a, b := all[i].window.newest().info.Order, all[k].window.newest().info.Order
		if a != b {
			return a < b
		}
		return all[i].name < all[k].name
	})
	return all
}

// newest is the newest segment of the newest session. A session's numbers may
// be less than those of the one before: a name that was forgotten counts anew.
func (s *stream) newest() *segment {
	var newest *segment
	for _, r := range s.renditions {
		if n := r.window.newest(); n.info.Session == s.session && (newest == nil || n.msn > newest.msn) {
			newest = n
		}
	}
	return newest
}

// knows reports that a session is the newest, or was: another rendition than r is in it still.
func (s *stream) knows(session string, r *rendition) bool {
	if session == s.session {
		return true
	}
	for _, other := range s.renditions {
		if other != r && other.window.newest().info.Session == session {
			return true
		}
	}
	return false
}

// twin is the segment of that number in the other rendition that has most of
// it, nil if none has it whole. It is called with the lock held.
func (s *stream) twin(r *rendition, msn uint64) (twin *segment) {
	session := r.window.newest().info.Session
	for _, other := range s.renditions {
		if other == r {
			continue
		}
		seg := other.window.find(msn)
		if seg == nil || seg.gap || seg.short || !seg.complete || seg.info.Session != session {
			continue
		}
		if twin == nil || seg.duration() > twin.duration() {
			twin = seg
		}
	}
	return twin
}

// reports tells where the renditions other than r are.
func reports(current []*rendition, r *rendition) []report {
	all := make([]report, 0, len(current))
	for _, other := range current {
		if other != r {
			n := other.window.newest()
			all = append(all, report{other.name, n.msn, len(n.parts) - 1})
		}
	}
	return all
}

// until waits for a state of a feed that ok accepts, and returns it. It gives
// up after limit, when the worker ends, or when ctx does.
func until[T any](ctx, worker context.Context, f *feed[T], limit time.Duration, ok func(T) bool) (T, error) {
	st := f.current()
	if ok(st.value) {
		return st.value, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-st.done:
			st = st.next
			if ok(st.value) {
				return st.value, nil
			}
		case <-timer.C:
			return st.value, errTimeout
		case <-worker.Done():
			return st.value, errTimeout
		case <-ctx.Done():
			return st.value, ctx.Err()
		}
	}
}
