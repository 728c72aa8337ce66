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
	sid         string
	spec        renditionSpec
	checkpoints *checkpoints // the stream's
	pub         *publisher
	name        string // of the stream
	say         say
	m           *metrics
	rates       bandwidth
	fact        segmentFact
	ready       int // epoch whose rendition.ready was said; -1: none

	tracks []*track // periods not finished; parts come from the first
	number uint32   // of the last moof

	resumedFrom *resumeState // where another worker stopped; nil when there is nothing of this session
	lastAt      *bus.Part    // the part it stopped at
	end         int64        // of the last part made, ms
	msn         uint64       // of the last part made
	epoch       int          // of the last segment begun
	disc        uint64       // discontinuities up to and with it
	eos         bool         // it has ended in this session: nothing more is made
	ended       bool         // its last message is an end, be it of a session before
	abandoned   bool         // shed
	source      uint64       // Part.Source and Part.Resume of the last part made
	state       json.RawMessage

	firstMSN         uint64                // the first segment that no worker before this one began
	peers            map[string]*rendition // all of the job
	ownCheckpoint    uint64                // the checkpoint that this one needs to go on after the last part made
	storedCheckpoint atomic.Uint64         // and after the last part stored
	pending          atomic.Int64          // parts made that are not stored
}

// begin starts a period of the rendition.
func (r *rendition) begin(g *period, spec renditionSpec) {
	if r.eos || r.abandoned {
		return
	}
	t := &track{period: g, spec: spec}
	if m := r.checkpoints.before(t.boundaryTime(g.start), g.start.dts, spec.rung == nil && !spec.sound); m != nil && r.idle() && (r.resumedFrom == nil || g.number > r.resumedFrom.Period) {
		r.storedCheckpoint.Store(m.seq) // what it needed before is told by what there is of it
	}
	t.seg = segmenter{target: g.partTarget, split: g.audio != nil && !spec.sound, sound: spec.sound}
	t.seg.emit = func(c fragment) { t.waiting = append(t.waiting, c) }
	if g.audio != nil {
		t.seg.frameSpan = g.audio.FrameSpan()
		t.audioFrom = g.audio.SampleAfter(t.boundaryTime(g.start))
	}
	if spec.rung == nil && !spec.sound {
		t.video = g.video
	}
	if r.resumedFrom != nil {
		switch {
		case g.number < r.resumedFrom.Period:
			t.skip = true
		case g.number == r.resumedFrom.Period:
			t.seg.resume(r.lastAt.MSN, r.lastAt.Index, r.lastAt.End, r.resumedFrom.Seen, r.lastAt.Last)
			t.audioFrom = r.resumedFrom.Audio
			if spec.sound {
				t.seg.from = r.lastAt.End
			}
		}
	}
	t.audioPosition = t.audioFrom
	if !t.seg.past {
		t.seg.from, t.seg.firstMSN = t.boundaryTime(g.start), r.firstMSN
	}
	r.tracks = append(r.tracks, t)
}

// idle says that all that has begun is made and stored.
func (r *rendition) idle() bool { return len(r.tracks) == 0 && r.pending.Load() == 0 }

func (r *rendition) trackOf(g *period) *track {
	for _, t := range r.tracks {
		if t.period == g {
			return t
		}
	}
	return nil
}

func (r *rendition) addBoundary(g *period, c segmentBoundary) {
	if t := r.trackOf(g); t != nil {
		t.seg.addBoundary(c)
	}
}

// picture takes the next picture of a period.
func (r *rendition) picture(g *period, f cmaf.Frame) {
	t := r.trackOf(g)
	if t == nil || t.skip || t.videoDone || t.seg.idle() && f.DTS < max(t.seg.from, t.seg.seen) {
		return // out already
	}
	if t.spec.rung != nil && g.ended && f.PTS >= g.endPTS {
		return // what an encoder makes beyond the end has no number
	}
	t.seg.add(f, t.boundaryTime)
	r.drain()
}

// config takes the parameters of the encoded pictures that follow.
func (r *rendition) config(g *period, v *cmaf.VideoConfig) {
	t := r.trackOf(g)
	if t == nil || t.video.Same(v.Coding, v.Record) {
		return
	}
	t.video, t.init = v, nil
}

// firstMissing is the time from which on pictures are missing, in ms.
func (r *rendition) firstMissing(g *period) int64 {
	if t := r.trackOf(g); t != nil {
		return t.seg.from
	}
	return g.endPTS
}

// partDeadline is the time of the first picture that ends the open part, in ms.
func (r *rendition) partDeadline(g *period) int64 {
	if t := r.trackOf(g); t != nil && t.seg.open {
		return t.seg.from + t.seg.leastPart()
	}
	return 0
}

// lastTimestamp is the time of the newest picture, in ms.
func (r *rendition) lastTimestamp(g *period) int64 {
	t := r.trackOf(g)
	switch {
	case t == nil:
		return g.endPTS
	case t.seg.pendingSample != nil:
		return t.seg.pendingSample.DTS
	}
	return t.seg.from
}

// rewind forgets the pictures that are in no part yet: they come again.
func (r *rendition) rewind(g *period) {
	if t := r.trackOf(g); t != nil {
		t.seg.pendingSample = nil
		t.seg.drop()
	}
}

// abandon ends the rendition without an end: it is not made any more.
func (r *rendition) abandon() { r.tracks, r.abandoned = nil, true }

// sound takes the next sound of a period.
func (r *rendition) sound(g *period, f cmaf.AudioFrame) {
	t := r.trackOf(g)
	if t == nil || t.skip || g.audio == nil {
		return
	}
	t.audioPosition = f.Sample + int64(g.audio.FrameSamples)
	if f.Sample >= t.audioFrom {
		t.audio = append(t.audio, f)
	}
	if !t.spec.sound {
		r.drain()
	}
}

// decided lets a sound-only rendition go on up to a time: the segment starts before it are known.
func (r *rendition) decided(g *period, clock int64) {
	t := r.trackOf(g)
	if t == nil || !t.spec.sound || t.skip {
		return
	}
	n := 0
	for _, f := range t.audio {
		at := g.audio.Millis(f.Sample - 1) // before a cut exactly there, see AudioConfig.SampleAfter
		if at >= clock {
			break
		}
		t.seg.add(cmaf.Frame{DTS: at, PTS: at, Key: true, Data: f.Data, Sample: f.Sample}, t.boundaryTime)
		n++
	}
	t.audio = t.audio[n:]
	r.drain()
}

// soundEnded says that all sound of a period has come.
func (r *rendition) soundEnded(g *period) {
	if t := r.trackOf(g); t != nil {
		t.audioDone = true
		if t.spec.sound && !t.skip {
			r.decided(g, g.endPTS)
			t.seg.flush(g.endPTS)
			t.videoDone = true
		}
		t.videoDone = t.videoDone || t.skip
		r.drain()
	}
}

// picturesEnded says that all pictures of a period have come.
func (r *rendition) picturesEnded(g *period) {
	if t := r.trackOf(g); t != nil && !t.videoDone {
		end := g.endPTS
		if t.spec.rung == nil {
			end = g.endDTS
		}
		t.seg.flush(end)
		t.videoDone = true
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
			r.makePart(t, c)
		}
		if !t.videoDone || !t.audioDone && t.period.audio != nil || len(t.waiting) > 0 {
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

// resume goes on after a rendition's last part. It returns the timeline's
// state that came with it, nil when there is none.
func (r *rendition) resume(last *bus.Part) (*timelineState, error) {
	r.lastAt, r.end, r.msn, r.eos, r.ended = last, last.End, last.MSN, last.EOS, last.EOS
	r.source, r.state = last.Source, last.Resume
	if last.Resume == nil {
		return nil, nil
	}
	from, state := new(resumeState), new(timelineState)
	if err := json.Unmarshal(last.Resume, from); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResume, err)
	}
	if err := json.Unmarshal(from.Timeline, state); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResume, err)
	}
	from.state = state
	from.Epoch, from.Disc = max(from.Epoch, state.Epoch), max(from.Disc, state.Disc)
	r.resumedFrom = from
	r.rates, r.number, r.fact, r.epoch, r.disc = from.Rates, from.Number, from.Facts, from.Epoch, from.Disc
	r.ownCheckpoint, r.firstMSN = last.Source, last.MSN+1
	r.storedCheckpoint.Store(last.Source)
	return state, nil
}

// restart has the rendition begin with the next segment instead of after its last part.
func (r *rendition) restart() {
	r.resumedFrom, r.lastAt, r.ownCheckpoint = nil, nil, 0
	r.storedCheckpoint.Store(0)
}

// newSession has it begin in a session that is not that of its last part.
func (r *rendition) newSession() {
	r.restart()
	r.rates, r.fact, r.eos = bandwidth{}, segmentFact{}, false
}
