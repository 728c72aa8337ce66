package transcode

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// staleAfter is how far behind the others a rendition was given up, in ms.
const staleAfter = 15_000

// resumeState is what Part.Resume carries.
type resumeState struct {
	Timeline json.RawMessage `json:"timeline"` // timelineState at Part.Source
	Period   int             `json:"gen"`      // period of the part
	Epoch    int             `json:"epoch"`    // and its epoch
	Disc     uint64          `json:"disc"`     // discontinuities up to and with it
	Seen     int64           `json:"seen"`     // pictures before this time are out, ms
	Audio    int64           `json:"audio"`    // sample number of the next audio frame
	Number   uint32          `json:"number"`   // of the moof
	Rates    bandwidth       `json:"rates"`
	Facts    segmentFact     `json:"facts"`

	state *timelineState // Timeline, read
}

// before orders by what media the next part needs: none has a number twice.
func (r *resumeState) before(o *resumeState) int {
	return cmp.Or(cmp.Compare(r.state.Epoch, o.state.Epoch), cmp.Compare(r.state.N, o.state.N))
}

// makePart makes a part of a fragment and its sound.
func (r *rendition) makePart(t *track, c fragment) {
	r.number++
	m := cmaf.Chunk{Number: r.number, VideoEnd: c.framesEnd}
	if a := t.period.audio; a != nil {
		m.AudioStart, m.FrameSamples = t.audioFrom, a.FrameSamples
		if t.spec.sound {
			for _, f := range c.frames {
				m.Audio = append(m.Audio, f.Data)
			}
			if len(c.frames) > 0 {
				m.AudioStart = c.frames[0].Sample
			}
		} else {
			before := until(t.audio, a.SampleAfter(c.start)) // the pictures began late
			n := until(t.audio, a.SampleAfter(c.end))
			for _, f := range t.audio[before:n] {
				m.Audio = append(m.Audio, f.Data)
			}
			if n > before {
				m.AudioStart = t.audio[before].Sample
			}
			t.audio = t.audio[n:]
		}
		t.audioFrom = m.AudioStart + int64(len(m.Audio)*a.FrameSamples)
	}
	if !t.spec.sound {
		m.Video = c.frames
	}
	p := &bus.Part{
		SID: r.sid, Rendition: r.spec.name, MSN: c.msn, Index: c.index, Start: c.start, End: c.end,
		Independent: t.spec.sound || len(c.frames) > 0 && c.frames[0].Key, Last: c.last, Data: m.Marshal(),
	}
	p.Size = len(p.Data)
	if c.index == 0 {
		r.beginSegment(t, c, p)
	}
	r.rates.add(c, len(p.Data), t.period.target)
	r.fact.add(p, t.period.session, r.name)
	r.attachResume(t, p, c.seen)
	r.end, r.msn, r.ended = c.end, c.msn, false
	r.m.part(p)
	last, need := r.fact.Last, r.ownCheckpoint
	r.pending.Add(1)
	r.pub.push(p, func() {
		r.storedCheckpoint.Store(need)
		r.pending.Add(-1)
		if p.Segment != nil && r.ready != p.Segment.Epoch {
			r.ready = p.Segment.Epoch
			r.say(renditionReady(p, r.name), time.Now())
		}
		if p.Last && last != nil {
			r.say(*last, time.Now())
		}
	})
}

// until counts the frames that start before a sample.
func until(frames []cmaf.AudioFrame, sample int64) (n int) {
	for n < len(frames) && frames[n].Sample < sample {
		n++
	}
	return n
}

// beginSegment tells of a segment in its first part.
func (r *rendition) beginSegment(t *track, c fragment, p *bus.Part) {
	g := t.period
	video, audio := t.video, g.audio
	if t.init == nil {
		t.init = cmaf.InitSegment(video, audio)
		t.initID = cmaf.InitID(t.init)
	}
	r.epoch, r.disc = c.seg.epoch, c.seg.discSeq
	s := &bus.Segment{
		Session: g.session, Epoch: c.seg.epoch, PDT: c.seg.wall + c.seg.pts, Discontinuity: c.seg.disc, DiscontinuitySeq: c.seg.discSeq,
		InitID: t.initID, Target: g.target, PartTarget: int(g.partTarget), Planned: t.spec.planned, Order: t.spec.order, Label: t.spec.label,
	}
	switch {
	case video == nil:
		s.Kind, s.Codecs = bus.KindAudio, audio.Codec
	case audio == nil:
		s.Kind, s.Codecs = bus.KindVideo, video.Codec
	default:
		s.Kind, s.Codecs = bus.KindAV, video.Codec+","+audio.Codec
	}
	if video != nil {
		s.Width, s.Height, s.FPS = video.Width, video.Height, c.seg.fps
		s.Captions = c.seg.captions.Names()
	}
	s.Bandwidth, s.AverageBandwidth = r.rates.rates(t.spec.expected)
	p.Segment, p.Init = s, t.init
}

// attachResume adds what a new worker needs to go on after the part. Pictures before seen are out.
func (r *rendition) attachResume(t *track, p *bus.Part, seen int64) {
	audio := p.End
	if t.period.audio != nil {
		audio = t.period.audio.Millis(t.audioFrom)
	}
	if t.period.ended { // the next one begins with sound from there on
		audio = min(audio, t.period.endDTS)
	}
	m := r.checkpoints.before(p.End, audio, t.spec.rung == nil && !t.spec.sound)
	if m == nil {
		return
	}
	r.ownCheckpoint = m.seq
	m = r.oldestCheckpoint(m, p.End)
	defer func() { r.source, r.state = p.Source, p.Resume }()
	p.Source = m.seq
	p.Resume, _ = json.Marshal(resumeState{
		Timeline: m.state, Period: t.period.number, Epoch: r.epoch, Disc: r.disc, Seen: seen,
		Audio: t.audioFrom, Number: r.number, Rates: r.rates, Facts: r.fact,
	})
}

// oldestCheckpoint is the oldest checkpoint that this rendition or another one needs to go on,
// which may have nothing in the parts log to say so. m is what this one needs
// for what comes after end.
func (r *rendition) oldestCheckpoint(m *checkpoint, end int64) *checkpoint {
	for _, o := range r.peers {
		need := o.storedCheckpoint.Load()
		if o == r || o.abandoned || o.eos || need == 0 || need >= m.seq || o.idle() {
			continue
		}
		if late := r.checkpoints.at(need); end-max(o.end, late.pts) < staleAfter {
			m = late
		}
	}
	return m
}
