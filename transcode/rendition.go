package transcode

import (
	"encoding/json"
	"fmt"

	"github.com/helios-h2020/pse/bus"
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
	msn    uint64    // of the last part made, and whether it ended its segment
	eos    bool
	gone   bool   // shed
	source uint64 // Part.Source and Part.Resume of the last part made
	state  json.RawMessage
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

// resume is what Part.Resume carries.
type resume struct {
	Timeline json.RawMessage `json:"timeline"` // timelineState at Part.Source
	Gen      int             `json:"gen"`      // generation of the part
	Audio    int64           `json:"audio"`    // sample number of the next audio frame
	Number   uint32          `json:"number"`   // of the moof
	Rates    bandwidth       `json:"rates"`
	Facts    segmentFact     `json:"facts"`
}

// track is one generation of a rendition.
type track struct {
	gen     *generation
	spec    renditionSpec
	video   *videoConfig // of the pictures in it
	seg     segmenter
	waiting []cell // closed, without their audio yet
	audio   []audioFrame
	from    int64 // sample number of the first audio frame wanted
	front   int64 // sample number after the newest audio frame
	full    bool  // no more audio comes
	done    bool  // no more pictures come
	skip    bool  // all of it is out already
	init    []byte
	initID  string
}

// begin starts a generation of the rendition.
func (r *rendition) begin(g *generation, spec renditionSpec) {
	if r.eos || r.gone {
		return
	}
	t := &track{gen: g, spec: spec}
	t.seg = segmenter{target: r.tl.s.PartTarget, split: g.audio != nil && !spec.sound}
	t.seg.out = func(c cell) { t.waiting = append(t.waiting, c) }
	if g.audio != nil {
		t.from = g.audio.sample(t.clock(g.start))
	}
	if spec.rung == nil && !spec.sound {
		t.video = g.video
	}
	if r.from != nil {
		switch {
		case g.number < r.from.Gen:
			t.skip = true
		case g.number == r.from.Gen:
			t.seg.resume(r.lastAt.MSN, r.lastAt.Index, r.lastAt.End, r.lastAt.Last)
			t.from = r.from.Audio
			if spec.sound {
				t.seg.from = r.lastAt.End
			}
		}
	}
	t.front = t.from
	if !t.seg.past {
		t.seg.from = t.clock(g.start)
	}
	r.tracks = append(r.tracks, t)
}

// clock is where a segment starts on the rendition's own clock: the source's
// pictures are cut in decoding order, encoded ones have only one order.
func (t *track) clock(c cut) int64 {
	if t.spec.rung == nil && !t.spec.sound {
		return c.dts
	}
	return c.pts
}

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
func (r *rendition) picture(g *generation, f frame) {
	t := r.current(g)
	if t == nil || t.skip || t.done || f.dts < t.seg.from && t.seg.pend == nil && len(t.seg.cur) == 0 {
		return // out already
	}
	t.seg.add(f, t.clock)
	r.drain()
}

// config takes the parameters of the encoded pictures that follow.
func (r *rendition) config(g *generation, v *videoConfig) {
	t := r.current(g)
	if t == nil || t.video.same(v.record) {
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

// rewind forgets the pictures that are in no part yet: they come again.
func (r *rendition) rewind(g *generation) {
	if t := r.current(g); t != nil {
		t.seg.pend, t.seg.cur = nil, nil
	}
}

// shed ends the rendition without an end: it is not made any more.
func (r *rendition) shed() { r.tracks, r.gone = nil, true }

// weight is what a rendition costs to encode, in pixels.
func (s renditionSpec) weight() int { return s.width * s.height }

// sound takes the next sound of a generation.
func (r *rendition) sound(g *generation, f audioFrame) {
	t := r.current(g)
	if t == nil || t.skip || g.audio == nil {
		return
	}
	t.front = f.n + int64(g.audio.samples)
	if f.n >= t.from {
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
		at := g.audio.ms(f.n)
		if at >= clock {
			break
		}
		t.seg.add(frame{dts: at, pts: at, key: true, data: f.data, n: f.n}, t.clock)
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

func (t *track) ready(c *cell) bool {
	return t.gen.audio == nil || t.spec.sound || t.full || t.front >= t.gen.audio.sample(c.end)
}

// make turns a cell and its sound into a part.
func (r *rendition) make(t *track, c cell) {
	r.number++
	m := partMedia{number: r.number, videoEnd: c.framesEnd}
	if a := t.gen.audio; a != nil {
		m.audioStart, m.audioStep = t.from, a.samples
		if t.spec.sound {
			for _, f := range c.frames {
				m.audio = append(m.audio, f.data)
			}
			if len(c.frames) > 0 {
				m.audioStart = c.frames[0].n
			}
		} else {
			n := 0
			for limit := a.sample(c.end); n < len(t.audio) && t.audio[n].n < limit; n++ {
				m.audio = append(m.audio, t.audio[n].data)
			}
			if n > 0 {
				m.audioStart = t.audio[0].n
			}
			t.audio = t.audio[n:]
		}
		t.from = m.audioStart + int64(len(m.audio)*a.samples)
	}
	if !t.spec.sound {
		m.video = c.frames
	}
	p := &bus.Part{
		SID: r.sid, Rendition: r.spec.name, MSN: c.msn, Index: c.index, Start: c.start, End: c.end,
		Independent: t.spec.sound || len(c.frames) > 0 && c.frames[0].key, Last: c.last, Data: m.marshal(),
	}
	p.Size = len(p.Data)
	if c.index == 0 {
		r.segment(t, c, p)
	}
	r.rates.add(c, len(p.Data))
	r.fact.add(p, r.tl.s.Session, r.name)
	r.resume(t, p)
	r.end, r.msn = c.end, c.msn
	r.m.part(p)
	last := r.fact.Last
	r.pub.push(p, func() {
		if p.Segment != nil && r.ready != p.Segment.Epoch {
			r.ready = p.Segment.Epoch
			r.facts.say(renditionReady(p, r.name))
		}
		if p.Last && last != nil {
			r.facts.say(*last)
		}
	})
}

// segment tells of a segment in its first part.
func (r *rendition) segment(t *track, c cell, p *bus.Part) {
	g := t.gen
	video, audio := t.video, g.audio
	if t.init == nil {
		t.init = initSegment(video, audio)
		t.initID = initID(t.init)
	}
	start := c.start
	if !t.spec.sound {
		start = c.frames[0].pts
	}
	s := &bus.Segment{
		Session: r.tl.s.Session, Epoch: c.seg.epoch, PDT: c.seg.wall + start, Discontinuity: c.seg.disc, DiscontinuitySeq: c.seg.discSeq,
		InitID: t.initID, Target: r.tl.profile.Target, PartTarget: int(r.tl.s.PartTarget), Planned: t.spec.planned, Order: t.spec.order, Label: t.spec.label,
	}
	switch {
	case video == nil:
		s.Kind, s.Codecs = bus.KindAudio, audio.codec
	case audio == nil:
		s.Kind, s.Codecs = bus.KindVideo, video.codec
	default:
		s.Kind, s.Codecs = bus.KindAV, video.codec+","+audio.codec
	}
	if video != nil {
		s.Width, s.Height, s.FPS = video.width, video.height, g.fps
	}
	s.Bandwidth, s.AverageBandwidth = r.rates.rates(t.spec.expected)
	p.Segment, p.Init = s, t.init
}

// resume adds what a new worker needs to go on after the part.
func (r *rendition) resume(t *track, p *bus.Part) {
	audio := p.End
	if t.gen.audio != nil {
		audio = t.gen.audio.ms(t.from)
	}
	m := r.tl.markFor(p.End, audio, t.spec.rung == nil && !t.spec.sound)
	if m == nil {
		return
	}
	defer func() { r.source, r.state = p.Source, p.Resume }()
	p.Source = m.seq
	p.Resume, _ = json.Marshal(resume{Timeline: m.state, Gen: t.gen.number, Audio: t.from, Number: r.number, Rates: r.rates, Facts: r.fact})
}

// finish ends the rendition for good.
func (r *rendition) finish() {
	if r.eos {
		return
	}
	r.eos = true
	r.pub.push(&bus.Part{
		SID: r.sid, Rendition: r.spec.name, MSN: r.msn + 1, Start: r.end, End: r.end, EOS: true,
		Source: r.source, Resume: r.state,
	}, func() {})
}

// takeUp goes on after a rendition's last part.
func (r *rendition) takeUp(last *bus.Part) error {
	r.lastAt, r.end, r.msn, r.eos = last, last.End, last.MSN, last.EOS
	r.source, r.state = last.Source, last.Resume
	if last.Resume == nil {
		return nil
	}
	r.from = new(resume)
	if err := json.Unmarshal(last.Resume, r.from); err != nil {
		return fmt.Errorf("%w: %w", ErrResume, err)
	}
	r.rates, r.number, r.fact = r.from.Rates, r.from.Number, r.from.Facts
	return nil
}
