package transcode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// discard is a sink for tests of the fold alone.
type discard struct{}

func (discard) beginPeriod(*period)                   {}
func (discard) startSegment(*period, segmentBoundary) {}
func (discard) sourceFrame(*period, cmaf.Frame)       {}
func (discard) audioFrame(*period, cmaf.AudioFrame)   {}
func (discard) repeat(*period, int64)                 {}
func (discard) decided(*period, int64)                {}
func (discard) endPeriod(*period)                     {}

// script notes what the fold says.
type script struct {
	discard
	lines []string
	sound int
}

func (s *script) say(format string, a ...any) { s.lines = append(s.lines, fmt.Sprintf(format, a...)) }

func (s *script) beginPeriod(g *period)               { s.say("begin %s", g.mode) }
func (s *script) endPeriod(g *period)                 { s.say("end %d", g.endDTS) }
func (s *script) audioFrame(*period, cmaf.AudioFrame) { s.sound++ }

func (s *script) startSegment(_ *period, c segmentBoundary) {
	disc := ""
	if c.disc {
		disc = " disc"
	}
	s.say("cut %d at %d%s", c.msn, c.dts, disc)
}

func partWith(resume []byte) *bus.Part { return &bus.Part{Resume: resume} }

// fuzzChunks makes chunks of bytes: type, high and low time delta, size, body.
func fuzzChunks(b []byte) (all []*bus.Chunk) {
	at := int64(0)
	for len(b) >= 4 {
		n := min(int(b[3]), len(b)-4)
		at += int64(b[1])<<8 | int64(b[2])
		tag := bus.Tag{Type: b[0], TS: uint32(at), Data: b[4 : 4+n]}
		all = append(all, &bus.Chunk{Seq: uint64(len(all) + 1), DTS: at, Key: tag.IsKey(), Tags: bus.AppendTag(nil, tag)})
		b = b[4+n:]
	}
	return all
}

// pictures are synthetic access units, one a step, with a key frame every so many.
func pictures(t *testing.T, from, to, step int64, gop int, epoch int) []timed {
	t.Helper()
	head := append([]byte{0x17, 0, 0, 0, 0}, avctest.AVCTiny...)
	all := []timed{{Tag: bus.Tag{Type: bus.TagVideo, Data: head}, at: from, epoch: epoch}}
	for i := int64(0); from+i*step < to; i++ {
		body := []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41}
		if i%int64(gop) == 0 {
			body = []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65}
		}
		all = append(all, timed{Tag: bus.Tag{Type: bus.TagVideo, Data: body}, at: from + i*step, epoch: epoch})
	}
	return all
}

func sounds(from, to int64) (all []timed) {
	for n := int64(0); ; n++ {
		at := from + n*1024*1000/48000
		if at >= to {
			return all
		}
		body := []byte{0xaf, 1, 0x21, 0}
		if n == 0 {
			all = append(all, timed{Tag: bus.Tag{Type: bus.TagAudio, Data: []byte{0xaf, 0, 0x11, 0x90}}, at: at})
		}
		all = append(all, timed{Tag: bus.Tag{Type: bus.TagAudio, Data: body}, at: at})
	}
}

func TestTimeline(t *testing.T) {
	for _, c := range []struct {
		name string
		tags []timed
		want string
	}{
		{"2 s GOPs", pictures(t, 0, 6000, 40, 50, 0), "begin pass, cut 7 at 0, cut 8 at 2000, cut 9 at 4000, end 6000"},
		{"1 s GOPs", pictures(t, 0, 5000, 40, 25, 0), "begin pass, cut 7 at 0, cut 8 at 2000, cut 9 at 4000, end 5000"},
		{"3 s GOPs", pictures(t, 0, 7000, 40, 75, 0), "begin pass, cut 7 at 0, cut 8 at 3000, cut 9 at 6000, end 7000"},
		{"4 s GOPs still pass", pictures(t, 0, 9000, 40, 100, 0), "begin pass, cut 7 at 0, cut 8 at 4000, cut 9 at 8000, end 9000"},
		{"10 s GOPs do not", pictures(t, 0, 9000, 40, 250, 0), "begin pass, cut 7 at 0, end 4280, begin grid, cut 8 at 4280 disc, cut 9 at 6000, cut 10 at 8000, end 9000"},
		{"another epoch", append(pictures(t, 0, 3000, 40, 50, 0), pictures(t, 9000, 12000, 40, 50, 1)...), "begin pass, cut 7 at 0, cut 8 at 2000, end 3000, begin pass, cut 9 at 9000 disc, cut 10 at 11000, end 12000"},
		{"pictures stop for 300 ms without sound", append(pictures(t, 0, 3000, 40, 50, 0), pictures(t, 3260, 4000, 40, 50, 0)...), "begin pass, cut 7 at 0, cut 8 at 2000, end 3000, begin grid, cut 9 at 3000 disc, cut 10 at 4000, end 4020"},
		{"only sound", sounds(0, 5000), "begin audio, cut 7 at 0, cut 8 at 2005, cut 9 at 4010, end 5013"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{}
			tl := &timeline{sink: s, profile: Profiles()["live"]}
			tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart, NextMSN: 7}
			for _, chunk := range chunksOf("s", 0, c.tags) {
				if err := tl.chunk(chunk); err != nil {
					t.Fatal(err)
				}
			}
			tl.finish()
			if got := strings.Join(s.lines, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// From every checkpoint on the fold says what it said before.
func TestTimelineResumes(t *testing.T) {
	tags := append(pictures(t, 0, 9000, 40, 25, 0), pictures(t, 12000, 15000, 40, 25, 1)...)
	tags = append(tags, sounds(0, 9000)...)
	slices.SortStableFunc(tags, func(a, b timed) int { return int(a.at - b.at) })
	chunks := chunksOf("s", 0, tags)
	for i, c := range chunks {
		c.Seq = uint64(100 + i)
	}
	whole := &script{}
	tl := &timeline{sink: whole, profile: Profiles()["live"]}
	tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart}
	at := map[uint64]int{} // lines said before a chunk
	for _, c := range chunks {
		at[c.Seq] = len(whole.lines)
		if err := tl.chunk(c); err != nil {
			t.Fatal(err)
		}
	}
	tl.finish()
	for _, m := range tl.checkpoints {
		s := &script{}
		again := &timeline{sink: s, profile: Profiles()["live"]}
		if err := again.restore(m.state); err != nil {
			t.Fatal(err)
		}
		restored := len(s.lines)
		for _, c := range chunks[m.seq-100:] {
			if err := again.chunk(c); err != nil {
				t.Fatal(err)
			}
		}
		again.finish()
		if got, want := s.lines[restored:], whole.lines[at[m.seq]:]; !slices.Equal(got, want) {
			t.Errorf("from chunk %d:\ngot  %v\nwant %v", m.seq, got, want)
		}
	}
}

// A grid's segment starts are told up to two pictures ahead. A worker that resumes
// at a checkpoint in between has to hear of the one ahead, too.
func TestTimelineResumesBeforeASegmentStart(t *testing.T) {
	chunks := chunksOf("s", 0, pictures(t, 0, 9000, 40, 50, 0))
	whole := &script{}
	tl := &timeline{sink: whole, profile: Profiles()["plane"]}
	tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart, NextMSN: 7}
	for i, c := range chunks {
		c.Seq = uint64(100 + i)
		if err := tl.chunk(c); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(whole.lines, ", "), "begin grid, cut 7 at 0, cut 8 at 4000, cut 9 at 8000"; got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	want := map[int64]string{2000: "", 4000: "cut 8 at 4000", 6000: "", 8000: "cut 9 at 8000"}
	for _, m := range tl.checkpoints {
		w, checked := want[m.pts]
		if !checked {
			continue
		}
		delete(want, m.pts)
		s := &script{}
		again := &timeline{sink: s, profile: Profiles()["plane"]}
		if err := again.restore(m.state); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.lines, ", "); got != strings.TrimSuffix("begin grid, "+w, ", ") {
			t.Errorf("from the mark at %d: %s", m.pts, got)
		}
	}
	if len(want) > 0 {
		t.Errorf("no marks at %v", want)
	}
}

func TestPartTarget(t *testing.T) {
	for _, c := range []struct {
		fps     float64
		longest int64
		want    int64
	}{{30, 34, 227}, {25, 40, 267}, {60, 17, 221}, {24, 42, 280}, {15, 67, 447}, {10, 100, 500}, {30, 67, 447}, {5, 200, 500}} {
		if got := partTarget(1000/c.fps, c.longest, 0); got != c.want {
			t.Errorf("%g frames a second, at most %d ms apart: %d, want %d", c.fps, c.longest, got, c.want)
		}
	}
}

func TestRungSizes(t *testing.T) {
	live, plane := Profiles()["live"].Rungs, Profiles()["plane"].Rungs
	for _, c := range []struct{ w, h, w0, h0, w1, h1 int }{{1920, 1080, 960, 540, 1280, 720}, {1280, 720, 960, 540, 1280, 720}, {640, 360, 640, 360, 640, 360}} {
		w0, h0, _ := plane[0].size(c.w, c.h)
		w1, h1, _ := plane[1].size(c.w, c.h)
		if w0 != c.w0 || h0 != c.h0 || w1 != c.w1 || h1 != c.h1 {
			t.Errorf("plane of %dx%d: %dx%d and %dx%d", c.w, c.h, w0, h0, w1, h1)
		}
	}
	for _, c := range []struct {
		w, h int
		want string
	}{
		{1920, 1080, "1280x720 854x480 426x240"},
		{1080, 1920, "720x1280 480x854 240x426"},
		{1280, 720, "- 854x480 426x240"},
		{640, 480, "- - 320x240"},
		{426, 240, "- - -"},
		{3840, 2160, "1280x720 854x480 426x240"},
	} {
		var got []string
		for _, r := range live {
			if w, h, ok := r.size(c.w, c.h); ok {
				got = append(got, fmt.Sprintf("%dx%d", w, h))
			} else {
				got = append(got, "-")
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%dx%d: %s, want %s", c.w, c.h, s, c.want)
		}
	}
}

// Pictures that are decoded before they are shown make a segment longer by one
// clock than by the other: by neither does it outlast what rounds to the target.
func TestNoSegmentOutlastsTheTargetBeforeAGrid(t *testing.T) {
	for _, next := range []cmaf.Frame{{DTS: 4533, PTS: 4533}, {DTS: 4400, PTS: 4533}, {DTS: 4533, PTS: 4400}, {DTS: 4251, PTS: 4300}} {
		said := &script{}
		a, err := cmaf.ParseAudioConfig([]byte{0x11, 0x90})
		if err != nil {
			t.Fatal(err)
		}
		tl := &timeline{profile: profileOf("live"), sink: said, audio: a, period: &period{mode: passthrough, audio: a, video: &cmaf.VideoConfig{}}}
		tl.s = timelineState{
			FPS: 15, Frame: 67, PartTarget: 447, Target: 4, Period: 1, Open: true, NextMSN: 1,
			SegPTS: 66, LastDTS: 4133, MaxPTS: 4265, Start: boundaryJSON{PTS: 66},
		}
		tl.video = tl.period.video
		tl.switchToFixedGOP(next)
		var end int64
		if _, err := fmt.Sscanf(said.lines[0], "end %d", &end); err != nil || end > 4499 {
			t.Errorf("before %+v: %v (%v)", next, said.lines, err)
		}
	}
}

// heardAt notes when the source's sounds are heard, and when they came.
type heardAt struct {
	discard
	frames []cmaf.AudioFrame
}

func (h *heardAt) audioFrame(_ *period, f cmaf.AudioFrame) { h.frames = append(h.frames, f) }

// Sound that comes when silence has taken its place is heard when it was made, as soon as it is: not up to
// the slack of its clock late for ever.
func TestSoundAfterSilenceIsInTime(t *testing.T) {
	for late := int64(450); late < 1800; late += 17 {
		h := &heardAt{}
		tl := &timeline{sink: h, profile: Profiles()["live"]}
		tl.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 40, FPS: 25, AudioLag: audioLagStart}
		made := map[string]int64{}
		var tags []timed
		for _, s := range sounds(0, 8000) {
			s.Data = append(s.Data, fmt.Sprint(s.at)...)
			made[string(s.Payload())] = s.at
			tags = append(tags, s)
		}
		tags[0].Data = tags[0].Data[:4] // the configuration
		tags = append(tags, pictures(t, 0, 8000, 40, 25, 0)...)
		sent := func(x timed) int64 {
			if x.IsAACFrame() {
				return x.at + late
			}
			return x.at
		}
		slices.SortStableFunc(tags, func(a, b timed) int { return int(sent(a) - sent(b)) })
		for _, c := range chunksOf("s", 0, tags) {
			if err := tl.chunk(c); err != nil {
				t.Fatal(err)
			}
		}
		heard := 0
		for _, f := range h.frames {
			at, real := made[string(f.Data)]
			if !real {
				continue
			}
			heard++
			if by := f.Sample*1000/48000 - at; by < -12 || by > 12 {
				t.Fatalf("sound that comes %d ms late: that of %d is heard %d ms late", late, at, by)
			}
		}
		if heard < int(8000-2*late)*48/1024-10 {
			t.Fatalf("sound that comes %d ms late: %d frames are heard", late, heard)
		}
	}
}
