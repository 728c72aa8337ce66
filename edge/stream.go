package edge

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/reply"
)

// stream is one stream that this edge follows.
type stream struct {
	sid, name string

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

// list is a rendition's media list as of one message of the log, with the
// forms of it that were asked for.
type list struct {
	view  *hls.View
	forms [4]reply.Body
}

// multivariant is the stream's own playlist in the same way.
type multivariant struct {
	playlist *hls.Multivariant
	forms    [2]reply.Body // beside index.m3u8, and beside the stream's folder
}

// form is one way to write a list.
type form struct{ flat, skip bool }

func (f form) index() int {
	i := 0
	if f.flat {
		i |= 1
	}
	if f.skip {
		i |= 2
	}
	return i
}

func newStream(sid, name string, cfg Config, now time.Time) *stream {
	s := &stream{
		sid: sid, name: name, fold: hls.NewPresentation(cfg.DVR, cfg.PinExtra), renditions: map[string]*rendition{},
		multivariant: newWatch(&multivariant{playlist: &hls.Multivariant{}}), loaded: make(chan struct{}),
	}
	s.used.Store(now.Unix())
	return s
}

func newList(v *hls.View) *list { return &list{view: v} }

// rendition is the one of that name, nil if there is nothing of it.
func (s *stream) rendition(name string) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.renditions[name]
}

// ordered is the rendition at a place of the multivariant playlist, nil if there is none.
func (s *stream) ordered(order int) *rendition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.fold.Ordered(order); r != nil {
		return s.renditions[r.Name()]
	}
	return nil
}

// pinned is how many bytes of media are kept in memory at the live edge.
func (s *stream) pinned() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.fold.Pinned()
}

// find is the parts that make up what a request names, nil if they are not there.
func (s *stream) find(rend *rendition, t hls.Target) (date int64, parts []*hls.Part) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return rend.fold.Find(t)
}

// apply takes the next message of the log. The follower alone calls it.
func (s *stream) apply(m *bus.Part) {
	s.mu.Lock()
	c := s.fold.Apply(m)
	if c.Rendition == nil {
		s.mu.Unlock()
		return
	}
	l := newList(c.Rendition.View())
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
		s.renditions[d.Name()].lists.put(newList(d.View())) // wakes its waiters
	}
}
