package transcode

import "context"

// splitter gives what the timeline makes to the renditions.
type splitter struct {
	j   *job
	ctx context.Context
}

func (s *splitter) beginGeneration(g *generation) {
	for _, spec := range s.j.specs(g) {
		known := s.j.rends[spec.name] != nil
		r := s.j.rendition(s.ctx, spec.name)
		r.begin(g, spec)
		if !known {
			s.j.start(s.ctx, r)
		}
	}
}

func (s *splitter) cutSegment(g *generation, c cut) {
	for _, r := range s.j.rends {
		r.cut(g, c)
	}
}

func (s *splitter) sourceFrame(g *generation, f frame) {
	if r := s.j.rends[sourceName]; r != nil && g.mode == modePass {
		r.picture(g, f)
	}
}

func (s *splitter) audioFrame(g *generation, f audioFrame) {
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
}

// specs are the renditions of a generation, the preferred first.
func (j *job) specs(g *generation) []renditionSpec {
	var all []renditionSpec
	add := func(s renditionSpec) {
		s.order = len(all)
		all = append(all, s)
	}
	if g.mode == modePass {
		add(renditionSpec{name: sourceName, label: "Source", expected: 6_000_000})
	}
	if g.audio != nil {
		add(renditionSpec{name: audioName, label: "Audio only", sound: true, expected: 192_000})
	}
	return all
}
