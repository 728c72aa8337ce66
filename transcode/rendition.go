package transcode

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// rendition makes the parts of one rendition: pictures and sound in, parts
// out. Only its job's goroutine touches it.
type rendition struct {
	sid   string
	spec  renditionSpec
	tl    *timeline
	pub   *publisher
	name  string // of the stream
	facts *facts
	m     *metrics
	rates bandwidth
	fact  segmentFact
	ready int // epoch whose rendition.ready was said; -1: none

	tracks []*track // generations not finished; parts come from the first
	number uint32   // of the last moof

	from   *resume   // where another worker stopped; nil when there is nothing of this session
	lastAt *bus.Part // the part it stopped at
	end    int64     // of the last part made, ms
	msn    uint64    // of the last part made
	epoch  int       // of the last segment begun
	disc   uint64    // discontinuities up to and with it
	eos    bool      // it has ended in this session: nothing more is made
	ended  bool      // its last message is an end, be it of a session before
	gone   bool      // shed
	source uint64    // Part.Source and Part.Resume of the last part made
	state  json.RawMessage

	least   uint64                // the first segment that no worker before this one began
	peers   map[string]*rendition // all of the job
	own     uint64                // the mark that this one needs to go on after the last part made
	need    atomic.Uint64         // and after the last part stored
	pending atomic.Int64          // parts made that are not stored
}

// renditionSpec says what a rendition is.
type renditionSpec struct {
	name, label   string
	order         int
	sound         bool  // no pictures
	rung          *Rung // nil: the source as it is
	width, height int   // of an encoded picture
	expected      int   // bits/s, before it is measured
	planned       int   // renditions of the generation
}

// begin starts a generation of the rendition.
func (r *rendition) begin(g *generation, spec renditionSpec) {
	if r.eos || r.gone {
		return
	}
	t := &track{gen: g, spec: spec}
	if m := r.tl.markFor(t.clock(g.start), g.start.dts, spec.rung == nil && !spec.sound); m != nil && r.idle() && (r.from == nil || g.number > r.from.Gen) {
		r.need.Store(m.seq) // what it needed before is told by what there is of it
	}
	t.seg = segmenter{target: r.tl.s.PartTarget, split: g.audio != nil && !spec.sound, sound: spec.sound}
	t.seg.out = func(c cell) { t.waiting = append(t.waiting, c) }
	if g.audio != nil {
		t.seg.grain = g.audio.FrameSpan()
		t.from = g.audio.SampleAfter(t.clock(g.start))
	}
	if spec.rung == nil && !spec.sound {
		t.video = g.video
	}
	if r.from != nil {
		switch {
		case g.number < r.from.Gen:
			t.skip = true
		case g.number == r.from.Gen:
			t.seg.resume(r.lastAt.MSN, r.lastAt.Index, r.lastAt.End, r.from.Seen, r.lastAt.Last)
			t.from = r.from.Audio
			if spec.sound {
				t.seg.from = r.lastAt.End
			}
		}
	}
	t.front = t.from
	if !t.seg.past {
		t.seg.from, t.seg.least = t.clock(g.start), r.least
	}
	r.tracks = append(r.tracks, t)
}

// idle says that all that has begun is made and stored.
func (r *rendition) idle() bool { return len(r.tracks) == 0 && r.pending.Load() == 0 }

func (r *rendition) current(g *generation) *track {
	for _, t := range r.tracks {
		if t.gen == g {
			return t
		}
	}
	return nil
}

func (r *rendition) cut(g *generation, c cut) {
	if t := r.current(g); t != nil {
		t.seg.know(c)
	}
}

// picture takes the next picture of a generation.
func (r *rendition) picture(g *generation, f cmaf.Frame) {
	t := r.current(g)
	if t == nil || t.skip || t.done || t.seg.idle() && f.DTS < max(t.seg.from, t.seg.seen) {
		return // out already
	}
	if t.spec.rung != nil && g.ended && f.PTS >= g.endPTS {
		return // what an encoder makes beyond the end has no number
	}
	t.seg.add(f, t.clock)
	r.drain()
}

// config takes the parameters of the encoded pictures that follow.
func (r *rendition) config(g *generation, v *cmaf.VideoConfig) {
	t := r.current(g)
	if t == nil || t.video.Same(v.Record) {
		return
	}
	t.video, t.init = v, nil
}

// wants is the time from which on pictures are missing, in ms.
func (r *rendition) wants(g *generation) int64 {
	if t := r.current(g); t != nil {
		return t.seg.from
	}
	return g.endPTS
}

// due is the time of the first picture that ends the open part, in ms.
func (r *rendition) due(g *generation) int64 {
	if t := r.current(g); t != nil && t.seg.open {
		return t.seg.from + t.seg.enough()
	}
	return 0
}

// reached is the time of the newest picture, in ms.
func (r *rendition) reached(g *generation) int64 {
	t := r.current(g)
	switch {
	case t == nil:
		return g.endPTS
	case t.seg.pend != nil:
		return t.seg.pend.DTS
	}
	return t.seg.from
}

// rewind forgets the pictures that are in no part yet: they come again.
func (r *rendition) rewind(g *generation) {
	if t := r.current(g); t != nil {
		t.seg.pend = nil
		t.seg.drop()
	}
}

// shed ends the rendition without an end: it is not made any more.
func (r *rendition) shed() { r.tracks, r.gone = nil, true }

// weight is what a rendition costs to encode, in pixels.
func (s renditionSpec) weight() int { return s.width * s.height }

// sound takes the next sound of a generation.
func (r *rendition) sound(g *generation, f cmaf.AudioFrame) {
	t := r.current(g)
	if t == nil || t.skip || g.audio == nil {
		return
	}
	t.front = f.Sample + int64(g.audio.FrameSamples)
	if f.Sample >= t.from {
		t.audio = append(t.audio, f)
	}
	if !t.spec.sound {
		r.drain()
	}
}

// decided lets a sound-only rendition go on up to a time: the segment starts before it are known.
func (r *rendition) decided(g *generation, clock int64) {
	t := r.current(g)
	if t == nil || !t.spec.sound || t.skip {
		return
	}
	n := 0
	for _, f := range t.audio {
		at := g.audio.Millis(f.Sample - 1) // before a cut exactly there, see AudioConfig.SampleAfter
		if at >= clock {
			break
		}
		t.seg.add(cmaf.Frame{DTS: at, PTS: at, Key: true, Data: f.Data, Sample: f.Sample}, t.clock)
		n++
	}
	t.audio = t.audio[n:]
	r.drain()
}

// soundEnded says that all sound of a generation has come.
func (r *rendition) soundEnded(g *generation) {
	if t := r.current(g); t != nil {
		t.full = true
		if t.spec.sound && !t.skip {
			r.decided(g, g.endPTS)
			t.seg.flush(g.endPTS)
			t.done = true
		}
		t.done = t.done || t.skip
		r.drain()
	}
}

// picturesEnded says that all pictures of a generation have come.
func (r *rendition) picturesEnded(g *generation) {
	if t := r.current(g); t != nil && !t.done {
		end := g.endPTS
		if t.spec.rung == nil {
			end = g.endDTS
		}
		t.seg.flush(end)
		t.done = true
		r.drain()
	}
}

// drain makes the parts whose sound has come.
func (r *rendition) drain() {
	for len(r.tracks) > 0 {
		t := r.tracks[0]
		for len(t.waiting) > 0 && t.ready(&t.waiting[0]) {
			c := t.waiting[0]
			t.waiting = t.waiting[1:]
			r.make(t, c)
		}
		if !t.done || !t.full && t.gen.audio != nil || len(t.waiting) > 0 {
			return
		}
		r.tracks = r.tracks[1:]
	}
}

// finish ends the rendition for good; then is called when that is stored. It
// reports false where it was before.
func (r *rendition) finish(then func()) bool {
	if r.ended {
		return false
	}
	r.eos, r.ended = true, true
	r.pub.push(&bus.Part{
		SID: r.sid, Rendition: r.spec.name, MSN: r.msn + 1, Start: r.end, End: r.end, EOS: true,
		Source: r.source, Resume: r.state,
	}, then)
	return true
}

// takeUp goes on after a rendition's last part. It returns the timeline's
// state that came with it, nil when there is none.
func (r *rendition) takeUp(last *bus.Part) (*timelineState, error) {
	r.lastAt, r.end, r.msn, r.eos, r.ended = last, last.End, last.MSN, last.EOS, last.EOS
	r.source, r.state = last.Source, last.Resume
	if last.Resume == nil {
		return nil, nil
	}
	from, state := new(resume), new(timelineState)
	if err := json.Unmarshal(last.Resume, from); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResume, err)
	}
	if err := json.Unmarshal(from.Timeline, state); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResume, err)
	}
	from.state = state
	from.Epoch, from.Disc = max(from.Epoch, state.Epoch), max(from.Disc, state.Disc)
	r.from = from
	r.rates, r.number, r.fact, r.epoch, r.disc = from.Rates, from.Number, from.Facts, from.Epoch, from.Disc
	r.own, r.least = last.Source, last.MSN+1
	r.need.Store(last.Source)
	return state, nil
}

// anew has the rendition begin with the next segment instead of after its last part.
func (r *rendition) anew() {
	r.from, r.lastAt, r.own = nil, nil, 0
	r.need.Store(0)
}

// another has it begin in a session that is not that of its last part.
func (r *rendition) another() {
	r.anew()
	r.rates, r.fact, r.eos = bandwidth{}, segmentFact{}, false
}
