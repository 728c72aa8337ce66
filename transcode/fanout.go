package transcode

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/transcode/cmaf"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// maxUnstored is how many parts of a rendition may wait for the bus before no more media is read.
const maxUnstored = 64

// fanOut gives what the timeline makes to the renditions: the source's own
// frames at once, and what has to be encoded by way of the ladders. Only its
// job's goroutine touches it.
type fanOut struct {
	ctx     context.Context // of the children
	log     *zap.Logger
	m       *metrics
	opts    ffmpeg.Options
	posters *posters
	profile Profile
	encode  bool                         // there is a slot
	create  func(name string) *rendition // makes a rendition whose parts are stored

	renditions map[string]*rendition
	ladders    []*ladder // of the periods whose encoding is not finished; the first one runs
	events     chan ffmpeg.Event
	gop        []cmaf.Frame // the source from its last key frame on, for an encoding that starts within it
}

// rendition is the rendition of a name, made when it is not there yet.
func (o *fanOut) rendition(name string) *rendition {
	if r := o.renditions[name]; r != nil {
		return r
	}
	r := o.create(name)
	o.renditions[name] = r
	return r
}

func (o *fanOut) beginPeriod(g *period) {
	for _, spec := range renditionSpecs(g, o.profile, o.encode) {
		o.rendition(spec.name).begin(g, spec)
	}
	if g.uncommon() && !o.encode {
		o.log.Warn("phones and most browsers cannot decode this source, and there is no slot to encode it; publish H.264 with 4:2:0 and 8 bits (in OBS: NV12), or raise transcode.slots",
			zap.String("codec", g.video.Codec))
	}
	var gop []cmaf.Frame
	if g.within {
		gop = o.gop
	}
	o.addLadder(g, gop)
}

// upgrade adds the encoded renditions to a period that only passed through,
// from its next segment on. recent is the sound of it that they may need.
func (o *fanOut) upgrade(g *period, recent []cmaf.AudioFrame) {
	for _, spec := range renditionSpecs(g, o.profile, o.encode) {
		if r := o.renditions[spec.name]; r == nil || r.trackOf(g) == nil {
			r = o.rendition(spec.name)
			r.restart() // what another worker made of it is from before the pause
			r.begin(g, spec)
			for _, f := range recent {
				r.sound(g, f)
			}
		}
	}
	o.addLadder(g, o.gop)
}

// addLadder makes the ladder of a period. It starts when the one before it has ended.
// gop is the source from the last key frame on, which may be what it starts with.
func (o *fanOut) addLadder(g *period, gop []cmaf.Frame) {
	l := &ladder{opts: o.opts, log: o.log, m: o.m, period: g, events: o.events, posters: o.posters, fed: slices.Clone(gop)}
	for _, r := range o.renditions {
		if t := r.trackOf(g); t != nil && t.spec.rung != nil {
			if t.skip {
				t.videoDone = true
				continue
			}
			l.outs = append(l.outs, r)
		}
	}
	if len(l.outs) > 0 {
		o.ladders = append(o.ladders, l)
	}
}

func (o *fanOut) ladderOf(g *period) *ladder {
	for _, l := range o.ladders {
		if l.period == g {
			return l
		}
	}
	return nil
}

// event takes what the child of the ladder that runs has made.
func (o *fanOut) event(e ffmpeg.Event) {
	if len(o.ladders) > 0 {
		o.ladders[0].event(e)
	}
}

// supervise looks after the ladder that runs and passes on to the next. It reports that none is left.
func (o *fanOut) supervise() bool {
	for len(o.ladders) > 0 {
		l := o.ladders[0]
		l.supervise(o.ctx)
		if !l.done {
			return false
		}
		o.ladders = o.ladders[1:]
	}
	return true
}

// stop kills the children there are.
func (o *fanOut) stop() {
	for _, l := range o.ladders {
		l.stop()
	}
}

// behind reports that the bus does not take the parts as fast as they are made.
func (o *fanOut) behind() bool {
	for _, r := range o.renditions {
		if r.pub.waiting() > maxUnstored {
			return true
		}
	}
	return false
}

func (o *fanOut) startSegment(g *period, c segmentBoundary) {
	for _, r := range o.renditions {
		r.addBoundary(g, c)
	}
}

func (o *fanOut) sourceFrame(g *period, f cmaf.Frame) {
	if r := o.renditions[sourceName]; r != nil && g.mode == passthrough {
		r.picture(g, f)
	}
	if f.Key {
		o.gop = nil // the ladders have their own
	}
	o.gop = append(o.gop, f)
	if l := o.ladderOf(g); l != nil {
		l.feed(o.ctx, f)
	} else if f.Key {
		o.posters.offerKeyFrame(g.video, f)
	}
}

func (o *fanOut) repeat(g *period, clock int64) {
	if l := o.ladderOf(g); l != nil {
		l.repeat(o.gop, clock)
	}
}

func (o *fanOut) audioFrame(g *period, f cmaf.AudioFrame) {
	for _, r := range o.renditions {
		r.sound(g, f)
	}
}

func (o *fanOut) decided(g *period, clock int64) {
	if r := o.renditions[audioName]; r != nil {
		r.decided(g, clock)
	}
}

func (o *fanOut) endPeriod(g *period) {
	for _, r := range o.renditions {
		r.soundEnded(g)
	}
	if r := o.renditions[sourceName]; r != nil && g.mode == passthrough {
		r.picturesEnded(g)
	}
	if l := o.ladderOf(g); l != nil {
		l.end()
	}
}
