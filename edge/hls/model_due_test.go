package hls

import (
	"maps"
	"slices"
)

// dueModel is what left a list, and how long it has to be found.
type dueModel struct {
	s     *segment
	parts int   // of it that were listed
	whole bool  // all of it was
	ended bool  // the list had ended: when, the log does not ask
	until int64 // time of day
	media int64 // and as long as no more media of the rendition has come
}

// leave notes what is no longer listed.
func (e *edgeModel) leave(sh *shownModel, v *View) {
	if sh.view == nil {
		return
	}
	now := e.at
	if sh.view.dropped {
		return // nobody was shown it
	}
	for _, s := range sh.view.all() {
		if s.info.Session == v.info().Session && s.msn >= v.first().msn {
			break
		}
		lasts := sh.longest + s.duration()
		d := dueModel{s: s, parts: len(s.parts), whole: s.complete && !s.gap, until: now + lasts, media: sh.media + lasts}
		if s == sh.view.tail {
			lasts = partTargets * int64(s.info.Target) * 1000
			d = dueModel{s: s, parts: len(sh.view.parts), until: now + lasts, media: sh.media + lasts}
		}
		d.ended = sh.view.ended
		sh.due = append(sh.due, d)
	}
}

// found looks for what is to be had.
func (e *edgeModel) found() {
	for _, name := range slices.Sorted(maps.Keys(e.shown)) {
		r, sh := e.s.renditions[name], e.shown[name]
		sh.due = slices.DeleteFunc(sh.due, func(d dueModel) bool { return d.until <= e.h.log.now || d.media <= sh.media })
		for _, d := range sh.due {
			e.has(r, d)
		}
		for _, s := range sh.view.all() {
			d := dueModel{s: s, parts: len(s.parts), whole: s.complete && !s.gap, ended: sh.view.ended}
			if s == sh.view.tail {
				d.parts = len(sh.view.parts)
			}
			if !sh.view.dropped {
				e.has(r, d)
			}
		}
		if e.h.t.Failed() {
			e.h.t.Fatalf("rendition %s:\n%s", name, text(sh.view, false))
		}
	}
}

func (e *edgeModel) has(r *Rendition, d dueModel) {
	t := Target{Kind: KindSegment, MSN: d.s.msn}
	if d.whole {
		if _, parts := r.Find(t); len(parts) != d.parts {
			e.h.t.Errorf("segment %d cannot be found", d.s.msn)
		}
	}
	t.Kind = KindPart
	for i := range d.parts {
		t.Part = i
		_, parts := r.Find(t)
		if len(parts) != 1 || parts[0] != d.s.parts[i] {
			e.h.t.Errorf("part %d.%d cannot be found", d.s.msn, i)
			return
		}
		if e.h.whole && !d.ended && parts[0].pin.Load() == nil && !e.h.log.holds(parts[0].seq) {
			e.h.t.Errorf("part %d.%d is no longer in the log", d.s.msn, i)
			return
		}
	}
	if seq := r.inits[d.s.info.InitID]; d.whole && (seq == 0 || e.h.whole && !d.ended && !e.h.log.holds(seq)) {
		e.h.t.Errorf("init %s of segment %d cannot be found", d.s.info.InitID, d.s.msn)
	}
}

// memory holds what is kept against its bounds.
func (e *edgeModel) memory(r *Rendition, sh *shownModel) {
	pinned, bytes := int64(0), int64(0)
	for _, p := range r.pins.parts {
		pinned += p.duration()
		bytes += int64(len(*p.pin.Load()))
	}
	if keep := partTargets*4000 + e.s.keep + 500; pinned > keep || bytes != r.pins.bytes {
		e.h.t.Errorf("%d ms are pinned, %d bytes, said to be %d", pinned, bytes, r.pins.bytes)
	}
	held := length(r.window.expired) + length(r.window.listed)
	if most := 4*oldest(e.s.dvr.Milliseconds()) + 60_000; held > most {
		e.h.t.Errorf("%d segments of %d ms are kept", len(r.window.expired)+len(r.window.listed), held)
	}
	if len(r.inits) > sh.inits {
		used := map[string]bool{r.window.newest().info.InitID: true}
		for _, s := range slices.Concat(r.window.expired, r.window.listed) {
			used[s.info.InitID] = true
		}
		for id := range r.inits {
			if !used[id] {
				e.h.t.Errorf("nobody needs init %s", id)
			}
		}
	}
	sh.inits = len(r.inits)
}
