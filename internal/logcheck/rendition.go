package logcheck

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// rendition is where one rendition stands.
type rendition struct {
	c     *Checker
	inits map[string]*hlscheck.Init
	bytes map[string]string // the initialization segments as they were first, by their id

	last    *bus.Part // the newest part, without its media; nil: none yet
	session *session
	fact    *fact        // of the open or newest segment
	seg     *bus.Segment // what the rendition itself says of it
	start   int64        // of the segment, stream clock, ms
	ended   bool         // after the end of the session
	init    *hlscheck.Init
	next    map[uint32]uint64 // decode time that a track's next sample must have
	fresh   bool              // the open segment begins with a flag: nothing must go on
	flows   flows
}

// begin takes the facts of a segment's first part.
func (r *rendition) begin(p *bus.Part) {
	c, l := r.c, r.last
	s := c.session(p)
	f := c.segment(p)
	if s.ended[p.Rendition] {
		c.find(EndAgain, p, "a segment of session %s after its end", s.id)
	}
	r.fresh = l == nil
	if l != nil {
		r.follow(p, s)
	}
	if was, seen := r.bytes[p.Segment.InitID]; !seen {
		in, err := hlscheck.ParseInit(p.Init)
		if err != nil {
			c.find(Shape, p, "init %s: %v", p.Segment.InitID, err)
		}
		r.inits[p.Segment.InitID], r.bytes[p.Segment.InitID] = in, string(p.Init)
	} else if was != string(p.Init) {
		c.find(Shape, p, "init %s has other bytes than before", p.Segment.InitID)
	}
	r.session, r.fact, r.seg, r.start, r.ended, r.init = s, f, p.Segment, p.Start, false, r.inits[p.Segment.InitID]
	if r.fresh {
		r.next = map[uint32]uint64{}
	}
}

// follow compares a segment with the one before it in the rendition.
func (r *rendition) follow(p *bus.Part, s *session) {
	c, l, g := r.c, r.last, p.Segment
	again := p.MSN <= l.MSN
	hole := p.MSN > l.MSN+1 && s == r.session
	switch {
	case again:
		c.find(NumberAgain, p, "a segment begins after part %d.%d", l.MSN, l.Index)
	case s == r.session && !l.Last && !r.ended && !hole:
		if !g.Discontinuity {
			c.find(Unfinished, p, "segment %d stops at part %d, and no flag says so", l.MSN, l.Index)
		}
	}
	// A rendition that was not made for a while begins anew: an edge lists nothing of before.
	r.fresh = g.Discontinuity || hole || again || s != r.session
	if s != r.session {
		return
	}
	if p.Start < l.End-backwards {
		c.find(ClockBack, p, "it starts at %d ms, the part before ended at %d", p.Start, l.End)
	}
	if r.fresh {
		return
	}
	if g.InitID != r.seg.InitID {
		c.find(FlagMissing, p, "its parameters are others (init %s, before %s), without a flag", g.InitID, r.seg.InitID)
	}
	if p.Start != l.End {
		c.find(FlagMissing, p, "it starts at %d ms, the part before ended at %d, without a flag", p.Start, l.End)
	}
	if d := g.PDT - r.seg.PDT - (l.End - r.start); abs(d) > 2*rounding {
		c.find(DateJump, p, "its date is %+d ms off the one before and its duration", d)
	}
}

// part takes any part but an end.
func (r *rendition) part(p *bus.Part) {
	c, l := r.c, r.last
	defer func() { r.keep(p) }()
	if r.seg == nil {
		return // its segment began before the log does
	}
	if p.Segment == nil {
		switch {
		case r.ended:
			c.find(EndAgain, p, "a part after the end of its session")
		case p.MSN == l.MSN && p.Index <= l.Index, p.MSN < l.MSN:
			c.find(NumberAgain, p, "it comes after part %d.%d", l.MSN, l.Index)
		case p.MSN != l.MSN || p.Index != l.Index+1 || l.Last:
			c.find(NumberGap, p, "it comes after part %d.%d (last %v)", l.MSN, l.Index, l.Last)
		case p.Start != l.End:
			c.find(FlagMissing, p, "it starts at %d ms, the part before ended at %d", p.Start, l.End)
		}
	}
	r.durations(p)
	r.media(p)
}

// durations holds a part, and the segment that it ends, against the targets.
func (r *rendition) durations(p *bus.Part) {
	c, g := r.c, r.seg
	ms := p.End - p.Start
	switch {
	case ms > int64(g.PartTarget):
		c.find(PartLong, p, "%d ms, PART-TARGET is %d", ms, g.PartTarget)
	case ms <= 0:
		c.find(PartShort, p, "%d ms", ms)
	case ms*100 < int64(g.PartTarget)*85 && !p.Last && !p.Independent:
		c.find(PartShort, p, "%d ms, PART-TARGET is %d", ms, g.PartTarget)
	}
	if whole := p.End - r.start; (whole+500)/1000 > int64(g.Target) {
		c.find(SegmentLong, p, "its segment is %d ms long so far, TARGETDURATION is %d", whole, g.Target)
	}
	if p.Last {
		c.lasted(r.fact, p, p.End-r.start)
	}
}

// end takes a rendition's end.
func (r *rendition) end(p *bus.Part) {
	c := r.c
	switch {
	case r.last == nil || r.session == nil:
		return // of what was before the log
	case r.session.ended[p.Rendition]:
		c.find(EndAgain, p, "a second end of session %s", r.session.id)
	case !r.last.Last && r.last.MSN == r.session.last && (c.src == nil || !c.src.CutOff(c.connection)):
		// Else it was not made any more, or the rest of its media is lost.
		c.find(Unfinished, p, "the end comes after part %d.%d, which is not the last of its segment", r.last.MSN, r.last.Index)
	}
	r.session.ended[p.Rendition], r.ended = true, true
}

// keep remembers a part.
func (r *rendition) keep(p *bus.Part) {
	l := *p
	l.Data, l.Init = nil, nil
	r.last = &l
}
