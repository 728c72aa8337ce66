package hlscheck

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// masterEvery is how often the master playlist is read again.
const masterEvery = 2 * time.Second

// A stream is what the master playlist says there is, and what of it was watched.
type stream struct {
	opts   *Options
	url    *url.URL // of the master playlist
	second *url.URL // the same on another edge; nil without Options.Second

	mu         sync.Mutex // guards what follows until the end; not held over requests
	master     *Master
	renditions map[string]*rendition // by absolute URL
	order      []*rendition
}

func newStream(o *Options, master, second *url.URL) *stream {
	return &stream{opts: o, url: master, second: second, master: &Master{}, renditions: map[string]*rendition{}}
}

// update makes m the master playlist without looking for renditions.
func (s *stream) update(m *Master) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.master = m
}

// independent tells whether the master playlist has EXT-X-INDEPENDENT-SEGMENTS.
func (s *stream) independent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.master.Independent
}

// adopt makes m the master playlist and returns the renditions that are new
// in it. Those that are gone from it are told to stop.
func (s *stream) adopt(m *Master) (fresh []*rendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.master = m
	named := map[string]bool{}
	for _, uri := range m.uris() {
		u, err := s.url.Parse(uri)
		if err != nil {
			continue // ParseMaster has seen to it
		}
		key := u.String()
		named[key] = true
		if was := s.renditions[key]; was == nil || was.dropped.Load() {
			r := newRendition(s.opts, u)
			r.adopted = time.Now()
			s.renditions[key] = r
			s.order = append(s.order, r)
			fresh = append(fresh, r)
		}
	}
	for key, r := range s.renditions {
		if !named[key] {
			r.dropped.Store(true)
			r.droppedAt = time.Now()
			delete(s.renditions, key) // should it come back it is watched anew
			continue
		}
		r.audioOnly.Store(!m.hasVideo(s.url, key))
	}
	return fresh
}

// others are the renditions that a list asked for at a time should report:
// those that the master playlist has had for a second by then. A list is
// written with its own parts, so for a moment it does not know of a new one.
func (s *stream) others(r *rendition, at time.Time) (all []*rendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.order {
		if o != r && !o.dropped.Load() && o.adopted.Add(time.Second+s.opts.Slack).Before(at) {
			all = append(all, o)
		}
	}
	return all
}

// leaves tells whether a rendition was gone from the next master playlist
// after a time: a list that was read then may know already.
func (s *stream) leaves(r *rendition, at time.Time) bool {
	return r.dropped.Load() && r.droppedAt.Before(at.Add(masterEvery+2*s.opts.Slack+s.opts.Outage))
}

// ever tells whether an absolute URL was that of a rendition at any time. It
// is for the end: a list may name one that the master playlist was not read for yet.
func (s *stream) ever(u string) bool {
	for _, r := range s.order {
		if r.url.String() == u {
			return true
		}
	}
	return false
}

// variants finds the variants whose own playlist a rendition is: none of one
// that is not made any more, or was not for a while and is watched anew.
func (s *stream) variants(r *rendition) (all []Variant) {
	if r.dropped.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.master.Variants {
		if u, err := s.url.Parse(v.URI); err == nil && u.String() == r.url.String() {
			all = append(all, v)
		}
	}
	return all
}

// other is the same place on the second edge, nil when there is none.
func (s *stream) other(u *url.URL) *url.URL {
	dir := func(m *url.URL) string { return path.Dir(m.EscapedPath()) }
	if s.second == nil || !strings.HasPrefix(u.EscapedPath(), dir(s.url)) {
		return nil
	}
	there, err := s.second.Parse(dir(s.second) + strings.TrimPrefix(u.EscapedPath(), dir(s.url)))
	if err != nil {
		return nil
	}
	return there
}

// codecs lists what a player of the variant meets: the rendition's tracks and
// those of its audio group where that has a playlist of its own.
func (s *stream) codecs(x Variant, r *rendition) []string {
	var all []string
	add := func(r *rendition) {
		for _, t := range r.tracks {
			all = append(all, strings.ToLower(t.Codec))
		}
	}
	add(r)
	for _, m := range s.master.Media {
		if u, err := s.url.Parse(m.URI); err == nil && m.Type == "AUDIO" && m.Group == x.Audio && m.URI != "" && s.renditions[u.String()] != nil {
			add(s.renditions[u.String()])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// eachPair calls f with the first rendition and each other one, those that were read at all.
func (s *stream) eachPair(f func(a, b *rendition)) {
	var a *rendition
	for _, r := range s.order {
		switch {
		case r.last == nil:
		case a == nil:
			a = r
		default:
			f(a, r)
		}
	}
}

// eachFact calls f with what the first rendition and each other one say of every segment both have listed.
func (s *stream) eachFact(f func(at string, a, b fact)) {
	s.eachPair(func(a, b *rendition) {
		for _, msn := range slices.Sorted(maps.Keys(a.facts)) {
			x := a.facts[msn]
			if y, both := b.facts[msn]; both {
				x.cut, y.cut = a.cutShort(msn), b.cutShort(msn)
				f(fmt.Sprintf("%s and %s %d", a.name, b.name, msn), x, y)
			}
		}
	})
}
