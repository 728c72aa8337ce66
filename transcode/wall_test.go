package transcode

import (
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// dates notes where segments start, and the time of day of stream clock 0 there.
type dates struct{ script }

func (s *dates) startSegment(_ *period, c segmentBoundary) {
	disc := ""
	if c.disc {
		disc = " disc"
	}
	s.say("%d at %d of %d%s", c.msn, c.pts, c.wall, disc)
}

func (s *dates) beginPeriod(*period) {}
func (s *dates) endPeriod(*period)   {}

// Where a pause was cut out of the clock the date steps, with a discontinuity
// and a key frame; what is slewed goes with the segments.
func TestDateSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		tags []timed
		by   int64 // from 4 s on
		want string
	}{
		{"step", pictures(t, 0, 8000, 40, 25, 0), 3000, "7 at 0 of 0, 8 at 2000 of 0, 9 at 4000 of 3000 disc, 10 at 6000 of 3000"},
		{"step in mid-segment", pictures(t, 0, 8000, 40, 75, 0), 3000, "7 at 0 of 0, 8 at 3000 of 0, 9 at 6000 of 3000 disc"},
		{"slew", pictures(t, 0, 8000, 40, 25, 0), -1, "7 at 0 of 0, 8 at 2000 of 0, 9 at 4000 of -1, 10 at 6000 of -1"},
		{"step of the sound", sounds(0, 8000), 3000, "7 at 0 of 0, 8 at 2005 of 0, 9 at 4010 of 3000 disc, 10 at 6016 of 3000"},
		{"slew of the sound", sounds(0, 8000), 1, "7 at 0 of 0, 8 at 2005 of 0, 9 at 4010 of 1, 10 at 6016 of 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunks := chunksOf("s", 0, c.tags)
			wall := int64(0)
			for i, chunk := range chunks {
				chunk.Seq = uint64(100 + i)
				if chunk.Key && chunk.DTS >= 4000 {
					wall = c.by
				}
				chunk.Wall = wall
			}
			s := &dates{}
			tl := &timeline{sink: s, profile: Profiles()["live"]}
			tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart, NextMSN: 7}
			feed := func(tl *timeline, all []*bus.Chunk) {
				for _, chunk := range all {
					if err := tl.chunk(chunk); err != nil {
						t.Fatal(err)
					}
				}
			}
			feed(tl, chunks)
			if got := strings.Join(s.lines, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			for _, m := range tl.checkpoints { // and so it does after a resume
				again := &dates{}
				tl := &timeline{sink: again, profile: Profiles()["live"]}
				if err := tl.restore(m.state); err != nil {
					t.Fatal(err)
				}
				feed(tl, chunks[m.seq-100:])
				if got := strings.Join(again.lines, ", "); !strings.HasSuffix(c.want, got) {
					t.Errorf("from %d: %s", m.dts, got)
				}
			}
		})
	}
}
