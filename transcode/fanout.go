package transcode

import (
	"context"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// fanOut gives what the timeline makes to the renditions.
type fanOut struct {
	j   *job
	ctx context.Context
	gop []cmaf.Frame // the source from its last key frame on, for an encoding that starts within it
}

func (s *fanOut) beginPeriod(g *period) {
	for _, spec := range s.j.specs(g) {
		s.j.rendition(spec.name).begin(g, spec)
	}
	var gop []cmaf.Frame
	if g.within {
		gop = s.gop
	}
	s.j.addLadder(g, gop)
}

func (s *fanOut) startSegment(g *period, c segmentBoundary) {
	for _, r := range s.j.renditions {
		r.addBoundary(g, c)
	}
}

func (s *fanOut) sourceFrame(g *period, f cmaf.Frame) {
	if r := s.j.renditions[sourceName]; r != nil && g.mode == passthrough {
		r.picture(g, f)
	}
	if f.Key {
		s.gop = nil // the ladders have their own
	}
	s.gop = append(s.gop, f)
	if l := s.j.ladderOf(g); l != nil {
		l.feed(s.ctx, f)
	} else if f.Key {
		s.j.posters.offerKeyFrame(g.video, f)
	}
}

func (s *fanOut) repeat(g *period, clock int64) {
	if l := s.j.ladderOf(g); l != nil {
		l.repeat(s.gop, clock)
	}
}

func (s *fanOut) audioFrame(g *period, f cmaf.AudioFrame) {
	for _, r := range s.j.renditions {
		r.sound(g, f)
	}
}

func (s *fanOut) decided(g *period, clock int64) {
	if r := s.j.renditions[audioName]; r != nil {
		r.decided(g, clock)
	}
}

func (s *fanOut) endPeriod(g *period) {
	for _, r := range s.j.renditions {
		r.soundEnded(g)
	}
	if r := s.j.renditions[sourceName]; r != nil && g.mode == passthrough {
		r.picturesEnded(g)
	}
	if l := s.j.ladderOf(g); l != nil {
		l.end()
	}
}
