package hls

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

func (w *window) applyAll(t *testing.T, all []*bus.Part) {
	t.Helper()
	for _, m := range all {
		if _, changed := w.apply(m); !changed {
			t.Fatalf("part %d.%d changes nothing", m.MSN, m.Index)
		}
	}
}

// shown is a presentation and the multivariant playlist that it said last.
type shown struct {
	*Presentation
	multivariant *Multivariant
}

func newShown(dvr time.Duration) *shown {
	return &shown{NewPresentation(dvr, 5*time.Second), &Multivariant{}}
}

func (s *shown) apply(m *bus.Part) {
	if c := s.Apply(m); c.Multivariant != nil {
		s.multivariant = c.Multivariant
	}
}

// play applies messages as those of a rendition.
func (s *shown) play(rendition string, all ...*bus.Part) {
	for _, m := range all {
		again := *m
		again.Rendition = rendition
		s.apply(&again)
	}
}
