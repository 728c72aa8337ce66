package logcheck

import (
	"fmt"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// How far from the truth a number may be, in ms.
const (
	rounding  = 1   // what whole milliseconds may change
	backwards = 100 // of clock and date, where media was cut
	drift     = 150 // of the dates within one connection
	early     = 150 // of a date before the publisher's clock
)

// Checker holds the parts log of one stream against its rules. It is for one goroutine.
type Checker struct {
	// Late is how long after the publisher's clock a connection's dates may be:
	// as long as it takes to set it up. The default is 3 s.
	Late time.Duration

	src        Source // may be nil
	renditions map[string]*rendition
	order      []string
	segments   map[uint64]*fact // by media sequence number, all renditions
	top        uint64           // the highest of them
	sessions   map[string]*session
	newest     *session
	findings   []Finding
	connection int // the newest that a frame is known of; 0 none in this session
	parts      int
	flags      int
	dates      Dates
}

// Dates is how far dates were from the publisher's clock, in ms.
type Dates struct{ Earliest, Latest int64 }

// session is one StreamRecord.Session.
type session struct {
	id           string
	first, last  uint64 // media sequence numbers
	target       int
	partTarget   int
	before       *session
	ended, parts map[string]bool // renditions with an end, and those with parts
}

// fact is what all renditions must say of a segment.
type fact struct {
	msn      uint64
	by       string // the rendition that came first
	seg      bus.Segment
	duration int64 // ms; 0 unknown: not finished
	lasted   string
}

// New is a checker of a log that nothing is known of yet. src may be nil.
func New(src Source) *Checker {
	return &Checker{Late: 3 * time.Second, src: src, renditions: map[string]*rendition{}, segments: map[uint64]*fact{}, sessions: map[string]*session{}}
}

// Findings are those so far, in the order of the log.
func (c *Checker) Findings() []Finding { return c.findings }

// Summary says what was looked at.
func (c *Checker) Summary() string {
	return fmt.Sprintf("%d parts of %d segments, %d sessions, %d discontinuities, dates %+d to %+d ms off the publisher's clock", c.parts, len(c.segments), len(c.sessions), c.flags, c.dates.Earliest, c.dates.Latest)
}

func (c *Checker) find(r Rule, p *bus.Part, format string, args ...any) {
	c.findings = append(c.findings, Finding{r, fmt.Sprintf("%s %d.%d", p.Rendition, p.MSN, p.Index), fmt.Sprintf(format, args...)})
}

// Part takes the next message of the log.
func (c *Checker) Part(p *bus.Part) {
	c.parts++
	r := c.renditions[p.Rendition]
	if r == nil {
		r = &rendition{c: c, inits: map[string]*hlscheck.Init{}, bytes: map[string]string{}}
		c.renditions[p.Rendition] = r
		c.order = append(c.order, p.Rendition)
	}
	switch {
	case p.EOS:
		r.end(p)
	case (p.Segment != nil) != (p.Index == 0):
		c.find(Shape, p, "part %d of its segment, and facts of the segment: %v", p.Index, p.Segment != nil)
	case p.Segment != nil:
		r.begin(p)
		r.part(p)
	default:
		r.part(p)
	}
}

// Ended says that a session is over and all of it is in the log. One that
// another took over from may have no end: the next session's parts say it. But
// all of its renditions have one or none has.
func (c *Checker) Ended(id string) {
	s := c.sessions[id]
	if s == nil || s != c.newest && len(s.ended) == 0 {
		return
	}
	for name := range s.parts {
		if !s.ended[name] {
			c.findings = append(c.findings, Finding{EndMissing, name, "session " + id + " is over, and it has no end"})
		}
	}
}

// HasEnded reports whether every rendition of a session has its end.
func (c *Checker) HasEnded(id string) bool {
	s := c.sessions[id]
	return s != nil && len(s.ended) > 0 && len(s.ended) == len(s.parts)
}

// session is that of a segment; a new one must go on after all there were.
func (c *Checker) session(p *bus.Part) *session {
	g := p.Segment
	s := c.sessions[g.Session]
	if s == nil {
		s = &session{
			id: g.Session, first: p.MSN, last: p.MSN, target: g.Target, partTarget: g.PartTarget, before: c.newest,
			ended: map[string]bool{}, parts: map[string]bool{},
		}
		c.sessions[g.Session] = s
		if c.newest != nil && p.MSN <= c.top {
			c.find(NumberAgain, p, "a new session begins at %d, where %d was used before", p.MSN, c.top)
		}
		c.newest, c.connection = s, 0
	}
	if s != c.newest {
		c.find(NumberAgain, p, "a part of session %s after parts of the one after it", s.id)
	}
	s.first, s.last = min(s.first, p.MSN), max(s.last, p.MSN)
	s.parts[p.Rendition] = true
	if g.Target != s.target || g.PartTarget != s.partTarget {
		c.find(TargetChanged, p, "targets %d s and %d ms, the session began with %d s and %d ms", g.Target, g.PartTarget, s.target, s.partTarget)
	}
	return s
}

// segment notes what a rendition says of a segment, and compares it with what others said.
func (c *Checker) segment(p *bus.Part) *fact {
	f := c.segments[p.MSN]
	if f != nil {
		a, b := &f.seg, p.Segment
		if a.Session != b.Session || a.Epoch != b.Epoch || a.Discontinuity != b.Discontinuity || a.DiscontinuitySeq != b.DiscontinuitySeq {
			c.find(SegmentSame, p, "session %s epoch %d discontinuity %v (%d), in %s session %s epoch %d discontinuity %v (%d)",
				b.Session, b.Epoch, b.Discontinuity, b.DiscontinuitySeq, f.by, a.Session, a.Epoch, a.Discontinuity, a.DiscontinuitySeq)
		}
		if d := b.PDT - a.PDT; abs(d) > 2*rounding {
			c.find(SegmentSame, p, "its date is %d ms after that in %s", d, f.by)
		}
		return f
	}
	f = &fact{msn: p.MSN, by: p.Rendition, seg: *p.Segment}
	c.segments[p.MSN] = f
	c.follow(f, p)
	c.top = max(c.top, p.MSN)
	return f
}

// follow compares a segment that is new to the log with the one before it.
func (c *Checker) follow(f *fact, p *bus.Part) {
	if f.seg.Discontinuity {
		c.flags++
	}
	b := c.below(f.msn)
	if b == nil {
		return
	}
	if f.msn < c.top {
		return // the others were faster: the rules were applied to them
	}
	same := b.seg.Session == f.seg.Session
	if same && f.msn != b.msn+1 && !f.seg.Discontinuity {
		c.find(NumberGap, p, "it follows %d: no rendition has what is between, and no flag says that media is lost", b.msn)
	}
	want := b.seg.DiscontinuitySeq
	if f.seg.Discontinuity {
		want++
	}
	if !same {
		want = max(want, f.seg.DiscontinuitySeq) // each session is a list of its own: it may leave some out
	}
	if f.seg.DiscontinuitySeq != want {
		c.find(FlagNumber, p, "discontinuity sequence %d (flag %v) after %d in segment %d", f.seg.DiscontinuitySeq, f.seg.Discontinuity, b.seg.DiscontinuitySeq, b.msn)
	}
	if !f.seg.Discontinuity && (!same || f.seg.Epoch != b.seg.Epoch) {
		c.find(FlagMissing, p, "session %s epoch %d after session %s epoch %d, without a flag", f.seg.Session, f.seg.Epoch, b.seg.Session, b.seg.Epoch)
	}
	if d := f.seg.PDT - b.seg.PDT - b.duration; d < -backwards {
		c.find(DateBack, p, "its date is %d ms before the end of segment %d", -d, b.msn)
	}
}

// below is the segment with the highest number under msn.
func (c *Checker) below(msn uint64) *fact {
	var best *fact
	if f := c.segments[msn-1]; f != nil {
		return f
	}
	for _, f := range c.segments {
		if f.msn < msn && (best == nil || f.msn > best.msn) {
			best = f
		}
	}
	return best
}

// lasted notes how long a finished segment is in a rendition.
func (c *Checker) lasted(f *fact, p *bus.Part, ms int64) {
	if f.duration == 0 {
		f.duration, f.lasted = ms, p.Rendition
	} else if abs(f.duration-ms) > 2*rounding {
		c.find(SegmentSame, p, "the segment is %d ms long, in %s %d", ms, f.lasted, f.duration)
	}
}

func abs(n int64) int64 { return max(n, -n) }
