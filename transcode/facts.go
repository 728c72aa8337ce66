package transcode

import (
	"time"

	"github.com/helios-h2020/pse/bus"
)

// say takes an event of a job, and when that was. What a crash leaves unpublished
// follows from the parts log: the next worker says the newest again.
type say func(ev bus.Event, at time.Time)

// sayTo has an outbox publish events, in their order.
func sayTo(o *bus.Outbox) say {
	return func(ev bus.Event, at time.Time) { o.Offer(bus.Fact{Event: ev, At: at}) }
}

// segmentFact gathers what segment.ready says while a segment is made, and has
// what the next worker says again. It is carried in Resume.
type segmentFact struct {
	Open *bus.SegmentReady `json:"open,omitempty"` // the segment being made
	Last *bus.SegmentReady `json:"last,omitempty"` // the newest whole one

	Ready *bus.RenditionReady `json:"ready,omitempty"` // while the first segment of an epoch is made, what is said with its first part
	Begun int                 `json:"begun,omitempty"` // the epoch of the newest segment, and 1; 0: none
}

// again says what the worker before may not have said.
func (s *segmentFact) again(say say) {
	newest := s.Last
	if s.Open != nil {
		newest = s.Open
	}
	if s.Ready != nil { // of that segment
		say(*s.Ready, time.UnixMilli(newest.PDT))
	}
	if s.Last != nil {
		say(*s.Last, time.UnixMilli(s.Last.PDT+s.Last.Duration))
	}
}

// add takes a part of the rendition.
func (s *segmentFact) add(p *bus.Part, session, name string) {
	if p.Segment != nil {
		s.Open = &bus.SegmentReady{
			SID: p.SID, Name: name, Session: session, Rendition: p.Rendition, MSN: p.MSN,
			Start: p.Start, PDT: p.Segment.PDT, Discontinuity: p.Segment.Discontinuity,
		}
		s.Ready = nil
		if begun := p.Segment.Epoch + 1; s.Begun != begun {
			ready := renditionReady(p, name)
			s.Ready, s.Begun = &ready, begun
		}
	}
	if s.Open == nil {
		return
	}
	open := *s.Open // others may hold the old one
	open.Bytes += int64(p.Size)
	open.Parts++
	open.Duration = p.End - open.Start
	s.Open = &open
	if p.Last {
		s.Last, s.Open = s.Open, nil
	}
}

// renditionReady is the fact of a rendition's first part in an epoch.
func renditionReady(p *bus.Part, name string) bus.RenditionReady {
	s := p.Segment
	return bus.RenditionReady{
		SID: p.SID, Name: name, Session: s.Session, Epoch: s.Epoch, Rendition: p.Rendition,
		Kind: s.Kind, Label: s.Label, Codecs: s.Codecs, Width: s.Width, Height: s.Height, FPS: s.FPS,
	}
}
