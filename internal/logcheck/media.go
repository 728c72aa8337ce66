package logcheck

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/hlscheck"
)

// media looks into a part: decode times, and with a Source each frame.
func (r *rendition) media(p *bus.Part) {
	c := r.c
	if r.init == nil {
		return
	}
	m, err := hlscheck.ParseMedia(p.Data, r.init)
	if err != nil {
		c.find(Shape, p, "%v", err)
		return
	}
	for _, t := range m.Tracks {
		if len(t.Samples) == 0 {
			continue
		}
		if want, known := r.next[t.ID]; known && t.Start() != want {
			c.find(FlagMissing, p, "the %s track goes on at %d, not %d of %d a second", t.Handler, t.Start(), want, t.Timescale)
		}
		if t.Jumps > 0 {
			c.find(Shape, p, "%d jumps in the %s track", t.Jumps, t.Handler)
		}
		r.next[t.ID] = t.End()
		if s := t.Samples[0]; t.Handler == "vide" && p.Independent && (!s.IDR || !s.Sync) {
			c.find(Shape, p, "it is independent, and does not begin with an IDR picture")
		}
		if c.src != nil {
			r.flows.of(t.Handler).take(r, p, t)
		}
	}
	if p.Index == 0 && !p.Independent {
		c.find(Shape, p, "the first of its segment, and not independent")
	}
}

// flows are the kinds of frame that a source sends.
type flows struct{ video, audio flow }

func (f *flows) of(handler string) *flow {
	if handler == "vide" {
		return &f.video
	}
	return &f.audio
}

// flow is one kind of frame on its way through a rendition.
type flow struct {
	last    Frame // the newest that the source knows; zero: none
	strange int   // frames since that the source did not send
	date    int64 // how far the connection's first date is off the publisher's clock, ms
	dated   int   // the connection that date is of
}

// take looks at the frames of a part. A rendition none of whose pictures the
// source knows is an encoded one: there is nothing to say.
func (f *flow) take(r *rendition, p *bus.Part, t *hlscheck.TrackRun) {
	for i, s := range t.Samples {
		x, ok := r.c.src.Frame(s.Hash, f.last)
		if !ok {
			f.strange++
			continue
		}
		first := i == 0 && p.Index == 0
		f.step(r, p, t.Handler, x, first)
		if first && t.Handler == "vide" {
			f.clock(r, p, x)
		}
		f.last, f.strange = x, 0
		r.c.connection = max(r.c.connection, x.Connection)
	}
}

// step compares a frame with the one before it.
func (f *flow) step(r *rendition, p *bus.Part, kind string, x Frame, first bool) {
	c, b := r.c, f.last
	flagged := first && r.fresh
	switch {
	case b == Frame{}:
	case x.before(b):
		c.find(MediaAgain, p, "%s %d of connection %d comes after %d of connection %d", kind, x.N, x.Connection, b.N, b.Connection)
	case x.follows(b) && x.Format == b.Format:
		// The sound of a segment may begin a frame before or after its pictures: only these tell.
		if flagged && kind == "vide" && r.seg.Discontinuity {
			c.find(FlagNeedless, p, "picture %d of connection %d follows the one before, and the format is the same", x.N, x.Connection)
		}
		if kind == "soun" && f.strange > 0 && x.Wall-b.Wall < 200 {
			c.find(SoundMadeUp, p, "%d frames between sound %d and the next of connection %d", f.strange, b.N, x.Connection)
		}
	case x.Connection == b.Connection && !x.follows(b):
		c.find(MediaLost, p, "%s %d to %d of connection %d", kind, b.N+1, x.N-1, x.Connection)
	case kind == "vide" && x.Connection != b.Connection && x.N > 0:
		c.find(MediaLost, p, "connection %d begins with picture %d", x.Connection, x.N)
	}
	if kind == "vide" && b != (Frame{}) && !flagged && (!x.follows(b) || x.Format != b.Format) {
		c.find(FlagMissing, p, "picture %d of connection %d (format %d) after %d of connection %d (format %d), without a flag",
			x.N, x.Connection, x.Format, b.N, b.Connection, b.Format)
	}
}

// clock holds a segment's date against the publisher's.
func (f *flow) clock(r *rendition, p *bus.Part, x Frame) {
	c := r.c
	off := p.Segment.PDT - x.Wall
	if f.dated != x.Connection {
		f.dated, f.date = x.Connection, off
		c.dates.Earliest, c.dates.Latest = min(c.dates.Earliest, off), max(c.dates.Latest, off)
		if off < -early || off > c.Late.Milliseconds() {
			c.find(DateWrong, p, "connection %d: its date is %+d ms off the publisher's clock", x.Connection, off)
		}
		return
	}
	if d := off - f.date; abs(d) > drift {
		c.find(DateWrong, p, "connection %d: its date has moved by %+d ms against the publisher's clock", x.Connection, d)
		f.date = off
	}
}
