package hls

import "slices"

// Rendition is one rendition of a stream, as far as its parts have come.
type Rendition struct {
	name   string
	window window
	view   *View             // the newest
	seen   uint64            // the newest segment of any rendition when its last message came
	inits  map[string]uint64 // init id -> number of the newest message that holds it
	pins   pins
}

// Name is the rendition's folder in the stream's.
func (r *Rendition) Name() string { return r.name }

// View is what its media list shows now.
func (r *Rendition) View() *View { return r.view }

// look makes the view anew. It is that of a rendition no longer made where
// current does not have it.
func (r *Rendition) look(current []*Rendition) {
	v := r.window.view(reports(current, r))
	v.dropped = !v.ended && !slices.Contains(current, r)
	r.view = v
}

// Find is the parts that make up the part or segment that a path names, and the
// date of its segment, unix ms. parts is nil if they are not there.
func (r *Rendition) Find(t Target) (date int64, parts []*Part) {
	seg := r.window.find(t.MSN)
	switch {
	case seg == nil:
		return 0, nil
	case t.Kind == KindPart:
		if t.Part < len(seg.parts) {
			return seg.info.PDT, seg.parts[t.Part : t.Part+1]
		}
	case seg.complete && !seg.gap:
		return seg.info.PDT, seg.parts
	}
	return 0, nil
}

// Init is the number of the message in the parts log that holds an
// initialization segment (EXT-X-MAP).
func (r *Rendition) Init(id string) (seq uint64, ok bool) {
	seq, ok = r.inits[id]
	return seq, ok
}

// keepInit notes where an init can be read, and forgets those that no
// segment needs any more.
func (r *Rendition) keepInit(id string, seq uint64) {
	if _, known := r.inits[id]; !known && len(r.inits) > 0 {
		used := map[string]bool{}
		for _, all := range [][]*segment{r.window.expired, r.window.listed} {
			for _, s := range all {
				used[s.info.InitID] = true
			}
		}
		for old := range r.inits {
			if !used[old] {
				delete(r.inits, old)
			}
		}
	}
	r.inits[id] = seq
}

// reports tells where the renditions other than r are.
func reports(current []*Rendition, r *Rendition) []report {
	all := make([]report, 0, len(current))
	for _, other := range current {
		if other != r {
			n := other.window.newest()
			all = append(all, report{other.name, n.msn, len(n.parts) - 1})
		}
	}
	return all
}
