package transcode

import (
	"slices"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// specs are the renditions of a period, the preferred first.
func (j *job) specs(g *period) []renditionSpec {
	var all []renditionSpec
	add := func(s renditionSpec) {
		s.order = len(all)
		all = append(all, s)
	}
	p := j.timeline.profile
	if g.mode == passthrough {
		add(renditionSpec{name: sourceName, label: "Source", expected: max(j.timeline.s.Rate*3/2, 500_000)})
	}
	if g.mode == fixedGOP && p.Pass && j.slot != nil {
		// The source cannot be cut where its key frames are: its place takes an encoded one of its size.
		rung := Rung{Name: sourceName, Kbps: gridKbps(g.video.Width, g.video.Height)}
		add(encodedSpec(&rung, "Source", even(g.video.Width), even(g.video.Height)))
	}
	if g.video != nil && j.slot != nil {
		for i := range p.Rungs {
			rung := &p.Rungs[i]
			if w, h, ok := rung.size(g.video.Width, g.video.Height); ok {
				add(encodedSpec(rung, rung.Label, w, h))
			}
		}
	}
	if g.audio != nil {
		add(renditionSpec{name: audioName, label: "Audio only", sound: true, expected: 192_000})
	}
	for i := range all {
		all[i].planned = len(all)
	}
	return all
}

func encodedSpec(r *Rung, label string, w, h int) renditionSpec {
	return renditionSpec{name: r.Name, label: label, rung: r, width: w, height: h, expected: r.Kbps*1150 + 192_000}
}

// gridKbps is a rate for an encoded picture of the source's size.
func gridKbps(w, h int) int { return min(max(w*h*4500/(1280*720), 600), 10_000) }

// addLadder makes the ladder of a period. It starts when the one before it has ended.
// gop is the source from the last key frame on, which may be what it starts with.
func (j *job) addLadder(g *period, gop []cmaf.Frame) {
	l := &ladder{opts: j.opts, log: j.log, m: j.m, period: g, events: j.encoded, posters: j.posters, fed: slices.Clone(gop)}
	for _, r := range j.renditions {
		if t := r.trackOf(g); t != nil && t.spec.rung != nil {
			if t.skip {
				t.videoDone = true
				continue
			}
			l.outs = append(l.outs, r)
		}
	}
	if len(l.outs) > 0 {
		j.ladders = append(j.ladders, l)
	}
}

// acquireSlot takes a slot for what the stream's record says it costs.
func (j *job) acquireSlot() bool {
	live := j.record()
	give, ok := j.slots.acquire(cost(profileOf(live.App), live.Width, live.Height, live.FPS))
	if ok {
		j.slot = give
	}
	return ok
}

// upgrade adds the encoded renditions to a stream that only passed through, from the next segment on.
func (j *job) upgrade() {
	j.timeline.passOnly = false
	g := j.timeline.period
	if g == nil || g.mode != passthrough {
		return // the next period has them
	}
	j.log.Info("a slot is free: encoding from now on")
	for _, spec := range j.specs(g) {
		if r := j.renditions[spec.name]; r == nil || r.trackOf(g) == nil {
			r = j.rendition(spec.name)
			r.restart() // what another worker made of it is from before the pause
			r.begin(g, spec)
			for _, f := range j.timeline.recent {
				r.sound(g, f)
			}
		}
	}
	j.addLadder(g, j.fanOut.gop)
}

func (j *job) ladderOf(g *period) *ladder {
	for _, l := range j.ladders {
		if l.period == g {
			return l
		}
	}
	return nil
}
