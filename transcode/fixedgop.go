package transcode

import "github.com/helios-h2020/pse/transcode/cmaf"

// Fixed GOPs: pictures at a constant rate, key frames and segments on a grid, at
// whole multiples of the segment's length on the stream clock.

// fpsLow is the least rate, in frames a second, of a source whose own pictures make parts.
const fpsLow = 7

// restMin is the shortest first segment of a grid, in ms; a shorter rest goes
// with the segment after it, which still rounds to the target.
const restMin = 400

func (t *timeline) sourceMode() mode {
	if t.passOnly {
		return passthrough
	}
	if !t.profile.Pass || t.s.NoPass || t.s.FPS < fpsLow {
		return fixedGOP
	}
	return passthrough
}

// placeFixedGOP says how a period's pictures are to be placed.
func (t *timeline) placeFixedGOP(g *period) {
	if g.mode != fixedGOP {
		return
	}
	g.gridFPS, g.gridGOP = t.gridFPS(), t.profile.GOP
	if g.gridGOP == 0 {
		g.gridGOP = int(t.profile.MinSegment) * g.gridFPS / 1000
	}
	g.fps, g.frameMillis = float64(g.gridFPS), 1000/int64(g.gridFPS)
}

func (t *timeline) gridFPS() int {
	if t.profile.FPS > 0 {
		return t.profile.FPS
	}
	return min(max(int(t.s.FPS+0.5), 10), 60)
}

// tick is the first place of a picture on the grid at or after a time, in ms.
func (t *timeline) tick(at int64) int64 {
	fps := int64(t.gridFPS())
	n := (at*fps + 999) / 1000
	return (n*1000 + fps/2) / fps
}

// overdue reports that a picture comes too late for the open segment of the
// source: no key frame came in time, or, without sound to fill the hole, no picture.
func (t *timeline) overdue(f cmaf.Frame) bool {
	if t.passOnly {
		return false
	}
	end := f.PTS // of the segment as it is shown: before a key frame, or after another picture
	if !f.Key {
		end = t.tick(max(f.PTS, t.s.MaxPTS) + t.s.Frame)
	}
	if f.DTS-t.s.SegDTS > t.segmentLimit() || end-t.s.SegPTS > t.longestSegment() {
		return true
	}
	return t.period.audio == nil && f.DTS-t.s.LastDTS > t.s.PartTarget
}

// target is EXT-X-TARGETDURATION, in s.
func (t *timeline) target() int {
	if t.s.Target > 0 {
		return t.s.Target
	}
	return t.profile.Target // of a worker that did not plan it
}

// segmentLimit is the longest segment of the source, in ms.
func (t *timeline) segmentLimit() int64 { return int64(t.target())*1000 + gridMargin }

// longestSegment is what still rounds to the target, in ms.
func (t *timeline) longestSegment() int64 { return int64(t.target())*1000 + 499 }

// startPassthroughSegment begins a segment with a picture of the source, or in the hole before
// it where the segment would not round to the target any more.
func (t *timeline) startPassthroughSegment(f cmaf.Frame) {
	dts, pts := f.DTS, f.PTS
	if most := t.longestSegment(); max(dts-t.s.SegDTS, pts-t.s.SegPTS) > most {
		dts, pts = t.s.SegDTS+most, t.s.SegPTS+most
	}
	t.startSegment(dts, pts, false)
	t.s.SegDTS -= max(0, t.s.Early-(f.DTS-dts))
}

// trackEarly notes what a hole in the pictures does where there is no sound to fill it
// and nobody encodes: the picture before it is said to last for one part, and those
// after it come that much early, one in each part, until they are where they belong
// (segmenter.closeUntil).
func (t *timeline) trackEarly(f cmaf.Frame) {
	if t.period == nil || t.period.mode != passthrough || t.period.audio != nil {
		return
	}
	hole := f.DTS - t.s.LastDTS
	switch {
	case t.s.Early > 0:
		t.s.Early = max(0, t.s.Early+hole-t.s.PartTarget)
	case hole > t.s.PartTarget:
		t.s.Early = hole
	}
}

// switchToFixedGOP gives the source's own pictures up from here on.
func (t *timeline) switchToFixedGOP(f cmaf.Frame) {
	endDTS, endPTS := f.DTS, max(f.PTS, t.s.MaxPTS+1)
	if t.period.audio == nil && f.DTS-t.s.LastDTS > t.s.PartTarget || max(endDTS-t.s.SegDTS, t.tick(endPTS)-t.s.SegPTS) > t.longestSegment() {
		// The picture before it does not last until this one: the grid repeats it.
		endDTS, endPTS = t.s.LastDTS+t.s.Frame, t.s.MaxPTS+t.s.Frame
	}
	t.s.NoPass = true
	t.encodeFrom(endDTS, endPTS)
	t.scheduleFixedGOP(f.PTS)
}

// encodeFrom ends the source's own pictures at a time and encodes what follows on the grid.
func (t *timeline) encodeFrom(endDTS, endPTS int64) {
	at := t.tick(endPTS)
	t.closePeriod(max(endDTS, t.s.SegDTS+at-t.s.SegPTS), at) // the segment is as long in all renditions
	t.openPeriod(fixedGOP, at, at, true)
}

const (
	// missingAfter is how far sound may run ahead of the pictures, in ms,
	// before they count as missing: a phone in the pocket sends sound only.
	missingAfter = 1500
	// repeatEvery is how often the last picture is said again meanwhile, in ms.
	repeatEvery = 400
)

// fillMissing keeps the pictures going while sound comes without them. Where
// nobody can encode the sound goes on alone.
func (t *timeline) fillMissing(clock int64) {
	if clock-t.s.LastDTS < missingAfter || clock-t.s.Repeated < repeatEvery {
		return
	}
	dts, pts := max(t.s.LastDTS, t.s.Repeated)+t.s.Frame, max(t.s.MaxPTS, t.s.Repeated)+t.s.Frame
	switch {
	case t.passOnly:
		t.closePeriod(dts, pts)
		t.openPeriod(audioOnly, pts, pts, false)
		return
	case t.period.mode == passthrough || t.period.audio != t.audio:
		t.encodeFrom(dts, pts)
	}
	t.s.Repeated = clock
	t.scheduleFixedGOP(clock)
	t.sink.decided(t.period, clock)
	t.sink.repeat(t.period, clock)
}

// scheduleFixedGOP tells of the segment starts up to a little after a time.
func (t *timeline) scheduleFixedGOP(pts int64) {
	step := t.profile.MinSegment
	for {
		next := (t.s.SegPTS/step + 1) * step
		if next-t.s.SegPTS < restMin {
			next += step
		}
		if next > pts+2*t.period.frameMillis {
			return
		}
		t.startSegment(next, next, false)
	}
}
