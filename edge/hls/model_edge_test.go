package hls

import (
	"maps"
	"slices"
	"strings"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// edgeModel is one edge, and what its viewers were shown.
type edgeModel struct {
	h       *historyModel
	s       *shown
	next    int               // entry of the log
	at      int64             // when what it read last was stored
	history int               // entries before it are read by headers only
	missed  map[string]uint64 // by session, the number after the newest of which it did not read all
	shown   map[string]*shownModel
}

// shownModel is what an edge has shown of a rendition.
type shownModel struct {
	series  *hlscheck.Series
	last    *View // the newest
	view    *View // the newest of the session; nil: none
	got     *View // the newest that a client got
	session string
	media   int64 // ms of it that came
	longest int64 // the longest list of the session, ms
	due     []dueModel
	inits   int
}

// read applies the next n entries that the log has.
func (e *edgeModel) read(n int) {
	l := e.h.log
	for ; n > 0; n-- {
		e.next = max(e.next, l.read)
		if e.next >= l.read+len(l.entries) {
			return
		}
		x := l.entries[e.next-l.read]
		e.next, e.at = e.next+1, x.at
		e.apply(x.m)
		if e.h.r.IntN(20) == 0 {
			again := l.entries[max(0, e.next-l.read-1-e.h.r.IntN(5))].m
			e.apply(again)
		}
		if e.h.t.Failed() {
			return
		}
		if behind := l.read + len(l.entries) - e.next; behind == 0 && e.h.r.IntN(4) == 0 || behind < 40 && e.h.r.IntN(16) == 0 {
			e.found()
		}
	}
}

func (e *edgeModel) apply(m *bus.Part) {
	given := *m
	if e.next <= e.history {
		given.Data, given.Init = nil, nil
	}
	before := e.s.renditions[m.Rendition]
	seen := before != nil && m.Seq <= before.window.seq
	e.s.apply(&given)
	if sh := e.shown[m.Rendition]; sh != nil && !seen {
		sh.media += m.End - m.Start
	}
	for _, name := range slices.Sorted(maps.Keys(e.s.renditions)) {
		r := e.s.renditions[name]
		sh := e.shown[name]
		if sh == nil {
			sh = &shownModel{}
			e.shown[name] = sh
		}
		if v := r.view; v != sh.last {
			sh.last = v
			e.check(r, sh, v, m)
		}
		e.memory(r, sh)
		if e.h.t.Failed() {
			e.h.t.Fatalf("rendition %s, after part %d.%d of %s, number %d:\n%s", name, m.MSN, m.Index, m.Rendition, m.Seq, text(r.view, false))
		}
	}
	e.current(m)
}

// check looks at a list just shown.
func (e *edgeModel) check(r *Rendition, sh *shownModel, v *View, m *bus.Part) {
	if session := v.info().Session; sh.session != session {
		if was := sh.view; was != nil && v.first().msn <= was.all()[len(was.all())-1].msn {
			sh.due, sh.view = nil, nil // the name counts anew
		}
		e.leave(sh, v)
		sh.series, sh.session, sh.view, sh.got, sh.longest = hlscheck.NewSeries(r.name), session, nil, nil, 0
	}
	if v.ended || newsworthy(sh.view, v) || e.h.r.IntN(12) == 0 { // clients do not see every list
		e.rules(sh, v)
	}
	e.numbers(v)
	e.media(r, sh.view, v)
	e.goesOn(sh.view, v)
	e.long(sh.view, v)
	e.gaps(r, sh.view, v)
	if v.ended && v.tail != nil || r.name == m.Rendition && v.ended != m.EOS {
		e.h.t.Errorf("ended: %v, after an end: %v", v.ended, m.EOS)
	}
	e.leave(sh, v)
	if was := sh.view; was != nil && v.first().msn > was.all()[len(was.all())-1].msn {
		sh.longest = 0 // no segment was in lists of before
	}
	sh.view = v
	sh.longest = max(sh.longest, length(v.listed))
}

// newsworthy reports that a list does more than go on.
func newsworthy(was, is *View) bool {
	if was == nil || is.first().msn > was.all()[len(was.all())-1].msn {
		return true
	}
	next, _ := was.next()
	for _, s := range is.all() {
		if s.msn >= next && (s.gap || s.info.Discontinuity && s != was.tail) {
			return true
		}
	}
	return false
}

// rules holds a list against those of hlscheck, after the one that a client got before.
func (e *edgeModel) rules(sh *shownModel, v *View) {
	whole := text(v, false)
	if v.ended != strings.HasSuffix(whole, "#EXT-X-ENDLIST\n") {
		e.h.t.Errorf("ended: %v", v.ended)
	}
	found := sh.series.Add(whole)
	if was := sh.got; was != nil && e.h.r.IntN(3) == 0 {
		d := Directive{blocks: true, skip: true}
		d.msn, d.part = was.next()
		found = slices.Concat(found, sh.series.Delta(text(v, d.Delta(v))))
	}
	sh.got = v
	for _, f := range found {
		if f.Rule != "list.long" { // see long
			e.h.t.Errorf("%v", f)
		}
	}
}

// all is the listed segments with the open one.
func (v *View) all() []*segment {
	if v.tail == nil {
		return v.listed
	}
	return append(slices.Clone(v.listed), v.tail)
}

// numbers holds what the list counts against what there was.
func (e *edgeModel) numbers(v *View) {
	breaks := discontinuitiesBefore(v.first())
	for i, s := range v.all() {
		if s.msn != v.first().msn+uint64(i) || s.info.Session != v.info().Session {
			e.h.t.Errorf("segment %d of %s is listed as the one with number %d", s.msn, s.info.Session, v.first().msn+uint64(i))
		}
		if s.info.Discontinuity {
			breaks++
		}
		if breaks != s.info.DiscontinuitySeq {
			e.h.t.Errorf("segment %d has %d discontinuities up to it, the list counts %d", s.msn, s.info.DiscontinuitySeq, breaks)
		}
	}
	if v.first().gap {
		e.h.t.Errorf("the list begins with a gap")
	}
}

// media holds listed segments against those that the publisher made.
func (e *edgeModel) media(r *Rendition, was, v *View) {
	for _, s := range v.all() {
		if s.gap || was != nil && search(was.listed, s.msn) == s {
			continue // it was looked at
		}
		is := e.h.log.truth[s.info.Session][s.msn]
		if is == nil {
			continue
		}
		if s.info.PDT != is.pdt || s.info.Discontinuity != is.disc || s.info.DiscontinuitySeq != is.seq {
			e.h.t.Errorf("segment %d is %+v, not %+v", s.msn, s.info, is)
		}
		at := s.start
		for i, p := range s.parts {
			if p.index != i || p.msn != s.msn || p.start != at || p.duration() != is.ends[i]-at+s.start-is.start {
				e.h.t.Errorf("segment %d has parts %+v, not %v", s.msn, s.parts, is.ends)
			}
			at = p.end
		}
		next := e.h.log.truth[s.info.Session][s.msn+1]
		if s == v.tail || len(s.parts) == len(is.ends) || v.ended || next == nil || next.disc || was != nil && search(was.listed, s.msn) != nil {
			continue
		}
		if x := e.elsewhere(r, s); x != nil && x.duration() > s.duration() {
			e.h.t.Errorf("segment %d is listed with %d parts of %d", s.msn, len(s.parts), len(is.ends))
		}
	}
}

// elsewhere is what most there is of a segment in another rendition that is known to have it whole.
func (e *edgeModel) elsewhere(r *Rendition, s *segment) (x *segment) {
	is := e.h.log.truth[s.info.Session][s.msn]
	for _, o := range e.s.renditions {
		y := o.window.find(s.msn)
		if o == r || y == nil || y.gap || !y.complete || is == nil || len(y.parts) != len(is.ends) || y.info.Session != s.info.Session {
			continue
		}
		if next := o.window.find(s.msn + 1); is.lost && (next == nil || next.gap) && !(o.window.ended && o.window.newest() == y) {
			continue // nobody was told of its end, and what came next does not say where it was
		}
		if x == nil || y.duration() > x.duration() {
			x = y
		}
	}
	return x
}

// goesOn finds a list that begins anew without need.
func (e *edgeModel) goesOn(was, is *View) {
	if was == nil || len(was.listed) == 0 {
		return
	}
	next, _ := was.next()
	if is.first().msn <= next {
		return
	}
	var newest *segment
	for _, s := range was.listed {
		if !s.gap {
			newest = s
		}
	}
	first, dvr := is.first(), e.h.dvr.Milliseconds()
	if t := was.tail; t != nil && first.info.Discontinuity && first.msn == t.msn+1 {
		newest = t // what came of it is whole
	}
	missing, away := first.msn-newest.msn-1, first.start-newest.end
	if missing == 0 || missing <= uint64(dvr/1000) && away <= dvr {
		e.h.t.Errorf("a list up to %d begins anew with segment %d, %d ms later", newest.msn, first.msn, away)
	}
}

// long finds a list that lost what it should have kept.
func (e *edgeModel) long(was, is *View) {
	if was == nil || is.ended || was.first().msn >= is.first().msn || len(is.listed) == 0 {
		return
	}
	media, lasts := 0, length(is.listed)
	for _, s := range is.listed {
		if !s.gap {
			media++
		}
	}
	var left *segment // the newest media that left; gaps after it go with it
	for i, s := range was.listed {
		if s.msn < is.first().msn && !s.gap {
			left = s
			lasts = length(is.listed) + length(was.listed[i+1:min(uint64(len(was.listed)), is.first().msn-was.first().msn)])
		}
	}
	if left == nil || is.first().msn > was.all()[len(was.all())-1].msn {
		return
	}
	age := int64(0) // of the oldest: clocks may have been set
	for _, s := range was.listed[:min(uint64(len(was.listed)), is.first().msn-was.first().msn)] {
		age = max(age, is.listed[len(is.listed)-1].info.PDT-s.info.PDT)
	}
	dvr := e.h.dvr.Milliseconds()
	if age <= oldest(dvr) && (media < minSegments || lasts < dvr && age <= dvr*3/2) {
		e.h.t.Errorf("segment %d left a list of which %d of %d ms are left, at an age of %d", left.msn, media, lasts, age)
	}
}

// gaps holds each new gap against the other renditions.
func (e *edgeModel) gaps(r *Rendition, was, is *View) {
	for _, s := range is.listed {
		if !s.gap || was != nil && search(was.listed, s.msn) != nil {
			continue
		}
		x := e.elsewhere(r, s)
		if x == nil {
			continue
		}
		own := s.parts != nil // its begin was listed
		if s.duration() != x.duration() || s.info.Discontinuity != x.info.Discontinuity || s.info.DiscontinuitySeq != x.info.DiscontinuitySeq || !own && s.info.PDT != x.info.PDT {
			e.h.t.Errorf("gap %d is %d ms, %+v, elsewhere it is %d ms, %+v", s.msn, s.duration(), s.info, x.duration(), x.info)
		}
	}
}

// current holds the multivariant playlist against what is being made.
func (e *edgeModel) current(m *bus.Part) {
	listed := map[string]bool{}
	for _, v := range e.s.multivariant.variants {
		listed[v.rendition] = true
	}
	newest := e.s.newest()
	if newest == nil {
		return
	}
	if m.Segment != nil && newest.info.Session != m.Segment.Session && e.s.renditions[m.Rendition] != nil && e.h.sessionOf(m.Segment.Session) > e.h.sessionOf(newest.info.Session) {
		e.h.t.Fatalf("%s has a segment of %s, and the newest is of %s", m.Rendition, m.Segment.Session, newest.info.Session)
	}
	if r := e.s.renditions[m.Rendition]; r != nil && r.window.newest().info.Session == newest.info.Session && !listed[m.Rendition] && r.window.newest().msn+lagSegments >= newest.msn {
		e.h.t.Fatalf("%s has just got a part, and the multivariant playlist does not have it", m.Rendition)
	}
}
