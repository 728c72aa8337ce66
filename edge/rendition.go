package edge

import (
	"slices"

	"github.com/helios-h2020/pse/bus"
)

// rendition is one rendition of a followed stream. Its window belongs to the
// follower, which holds the stream's lock when it changes it; lists is what
// viewers read and wait on.
type rendition struct {
	name   string
	window window
	lists  *feed[*list]      // nil until there is something to list
	seen   uint64            // the newest segment of any rendition when its last message came
	inits  map[string]uint64 // init id -> number of the newest message that holds it
	kind   string            // bus.KindAV, KindVideo or KindAudio
	pins   pins
}

// list is a rendition's media list as of one message of the log, with the
// forms of it that were asked for.
type list struct {
	view  view
	age   []string // Cache-Control of an answer that was waited for
	forms [4]body
}

func newList(r *rendition, current []*rendition) *list {
	l := &list{view: r.window.view(reports(current, r))}
	l.view.dropped = !l.view.ended && !slices.Contains(current, r)
	l.age = []string{maxAge(skipTargets * l.view.info().Target)}
	return l
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

// keepInit notes where an init can be read, and forgets those that no
// segment needs any more.
func (r *rendition) keepInit(id string, seq uint64) {
	if _, known := r.inits[id]; !known && len(r.inits) > 0 {
		used := map[string]bool{}
		for _, all := range [][]*segment{r.window.gone, r.window.listed} {
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

// contentType is that of the rendition's segments.
func (r *rendition) contentType() []string {
	if r.kind == bus.KindAudio {
		return typeAudio
	}
	return typeVideo
}
