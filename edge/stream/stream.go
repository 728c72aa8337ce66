package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
)

// Stream is one stream that is followed.
type Stream struct {
	source    *source
	sid, name string
	live      atomic.Pointer[bus.StreamRecord] // its record; nil: none, or it is not known yet

	mu         sync.RWMutex // held by the follower while it applies
	fold       *hls.Presentation
	renditions map[string]*rendition

	multivariant *watch[*multivariant]
	loaded       chan struct{} // closed when the log was read up to its end once
	used         atomic.Int64  // when a request last came, unix s
	cancel       context.CancelFunc

	viewers audience
}

// rendition is one rendition, and the list of it that viewers read and wait on.
type rendition struct {
	fold  *hls.Rendition
	lists *watch[*list]
}

func newStream(src *source, sid, name string, now time.Time) *Stream {
	s := &Stream{
		source: src, sid: sid, name: name, fold: hls.NewPresentation(src.cfg.DVR, src.cfg.PinExtra), renditions: map[string]*rendition{},
		multivariant: newWatch(&multivariant{playlist: &hls.Multivariant{}}), loaded: make(chan struct{}),
	}
	s.used.Store(now.Unix())
	return s
}

// rendition is the one of that name, nil if there is nothing of it.
func (s *Stream) rendition(name string) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.renditions[name]
}

// ordered is the rendition at a place of the multivariant playlist, nil if there is none.
func (s *Stream) ordered(order int) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.fold.Ordered(order); r != nil {
		return s.renditions[r.Name()]
	}
	return nil
}

// pinned is how many bytes of media are kept in memory at the live edge.
func (s *Stream) pinned() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.fold.Pinned()
}

// parts are those that make up what a request names, nil if they are not there.
func (s *Stream) parts(r *rendition, t hls.Target) (date int64, parts []*hls.Part) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return r.fold.Find(t)
}

// apply takes the next message of the log. The follower alone calls it.
func (s *Stream) apply(m *bus.Part) {
	s.mu.Lock()
	c := s.fold.Apply(m)
	if c.Rendition == nil {
		s.mu.Unlock()
		return
	}
	l := &list{view: c.Rendition.View()}
	r := s.renditions[c.Rendition.Name()]
	if r == nil {
		r = &rendition{c.Rendition, newWatch(l)}
		s.renditions[c.Rendition.Name()] = r
	}
	s.mu.Unlock()

	// In this order, so that what the playlist lists has its list at every moment.
	r.lists.put(l)
	if c.Multivariant != nil {
		s.multivariant.put(&multivariant{playlist: c.Multivariant})
	}
	for _, d := range c.Dropped {
		s.renditions[d.Name()].lists.put(&list{view: d.View()}) // wakes its waiters
	}
}
