package hls

import (
	"slices"
	"sort"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Presentation is all renditions of one stream, a fold over its parts.
type Presentation struct {
	dvr        time.Duration
	keep       int64 // how much of the live edge's bytes are kept, ms, beyond partTargets
	renditions map[string]*Rendition
	session    string // the newest
}

// NewPresentation is one without any part yet. Its lists go back dvr, and the
// bytes of the newest three target durations and pinExtra are kept.
func NewPresentation(dvr, pinExtra time.Duration) *Presentation {
	return &Presentation{dvr: dvr, keep: pinExtra.Milliseconds(), renditions: map[string]*Rendition{}}
}

// Change is what a message of the log changed. It is to be shown in the order
// of its fields, so that what the multivariant playlist lists has its list at
// every moment, and what is refused is not listed.
type Change struct {
	Rendition    *Rendition    // has another view; nil: nothing changed
	Multivariant *Multivariant // the new one; nil: as before
	Dropped      []*Rendition  // are no longer made, and have views that say so
}

// Apply takes the next message of the log. One that was taken before changes
// nothing.
func (p *Presentation) Apply(m *bus.Part) (c Change) {
	r := p.renditions[m.Rendition]
	if r == nil {
		r = &Rendition{name: m.Rendition, window: newWindow(p.dvr), inits: map[string]uint64{}}
		r.window.twin = func(msn uint64) *segment { return p.twin(r, msn) }
	}
	part, changed := r.window.apply(m)
	if !changed {
		return c
	}
	p.renditions[m.Rendition] = r
	if m.Segment != nil && (p.newest() == nil || !p.knows(m.Segment.Session, r)) {
		p.session = m.Segment.Session
	}
	if m.Segment != nil {
		r.keepInit(m.Segment.InitID, m.Seq)
	}
	if part != nil {
		target := int64(r.window.newest().info.Target) * 1000
		r.pins.add(part, m.Data, partTargets*target+p.keep)
	}
	r.seen = p.newest().msn
	current := p.current()
	r.look(current)
	c.Rendition = r
	if m.Segment != nil || m.Last || m.EOS {
		c.Multivariant = newMultivariant(current)
		c.Dropped = p.dropStale(current)
	}
	return c
}

// Ordered is the rendition at a place of the multivariant playlist, from 0; nil
// if there is none.
func (p *Presentation) Ordered(order int) *Rendition {
	for _, r := range p.current() {
		if r.window.newest().info.Order == order {
			return r
		}
	}
	return nil
}

// Pinned is how many bytes of media are kept in memory at the live edge.
func (p *Presentation) Pinned() (n int64) {
	for _, r := range p.renditions {
		n += r.pins.bytes
	}
	return n
}

// dropStale has renditions that have fallen behind say so.
func (p *Presentation) dropStale(current []*Rendition) (dropped []*Rendition) {
	for _, r := range p.renditions {
		if !r.view.dropped && !r.view.ended && !slices.Contains(current, r) {
			r.look(current)
			dropped = append(dropped, r)
		}
	}
	return dropped
}

// current lists the renditions of the newest session that are being made, in
// the order of the multivariant playlist.
func (p *Presentation) current() []*Rendition {
	newest := p.newest()
	var all []*Rendition
	for _, r := range p.renditions {
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
func (p *Presentation) newest() *segment {
	var newest *segment
	for _, r := range p.renditions {
		if n := r.window.newest(); n.info.Session == p.session && (newest == nil || n.msn > newest.msn) {
			newest = n
		}
	}
	return newest
}

// knows reports that a session is the newest, or was: another rendition than r is in it still.
func (p *Presentation) knows(session string, r *Rendition) bool {
	if session == p.session {
		return true
	}
	for _, other := range p.renditions {
		if other != r && other.window.newest().info.Session == session {
			return true
		}
	}
	return false
}

// twin is the segment of that number in the other rendition that has most of
// it, nil if none has it whole.
func (p *Presentation) twin(r *Rendition, msn uint64) (twin *segment) {
	session := r.window.newest().info.Session
	for _, other := range p.renditions {
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
