package transcode

import (
	"context"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// splitter gives what the timeline makes to the renditions.
type splitter struct {
	j   *job
	ctx context.Context
	gop []cmaf.Frame // the source from its last key frame on, for an encoding that starts within it
}

func (s *splitter) beginGeneration(g *generation) {
	for _, spec := range s.j.specs(g) {
		s.j.rendition(spec.name).begin(g, spec)
	}
	var gop []cmaf.Frame
	if g.within {
		gop = s.gop
	}
	s.j.addLadder(g, gop)
}

func (s *splitter) cutSegment(g *generation, c cut) {
	for _, r := range s.j.rends {
		r.cut(g, c)
	}
}

func (s *splitter) sourceFrame(g *generation, f cmaf.Frame) {
	if r := s.j.rends[sourceName]; r != nil && g.mode == modePass {
		r.picture(g, f)
	}
	if f.Key {
		s.gop = nil // the ladders have their own
	}
	s.gop = append(s.gop, f)
	if l := s.j.ladderOf(g); l != nil {
		l.feed(s.ctx, f)
	} else if f.Key {
		s.j.posters.see(g.video, f)
	}
}

func (s *splitter) repeat(g *generation, clock int64) {
	if l := s.j.ladderOf(g); l != nil {
		l.repeat(s.gop, clock)
	}
}

func (s *splitter) audioFrame(g *generation, f cmaf.AudioFrame) {
	for _, r := range s.j.rends {
		r.sound(g, f)
	}
}

func (s *splitter) decided(g *generation, clock int64) {
	if r := s.j.rends[audioName]; r != nil {
		r.decided(g, clock)
	}
}

func (s *splitter) endGeneration(g *generation) {
	for _, r := range s.j.rends {
		r.soundEnded(g)
	}
	if r := s.j.rends[sourceName]; r != nil && g.mode == modePass {
		r.picturesEnded(g)
	}
	if l := s.j.ladderOf(g); l != nil {
		l.end()
	}
}
