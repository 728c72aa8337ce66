package transcode

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// timeline folds the media log into periods, segment starts, pictures and
// an unbroken audio track. It reads no clock: the same log gives the same
// output, and from the state at a checkpoint a new worker goes on alike.
type timeline struct {
	profile     Profile
	passOnly    bool // nobody can encode now: the source passes whatever its key frames
	sink        sink
	s           timelineState
	period      *period
	video       *cmaf.VideoConfig // what the next frames need; effective at the next IDR
	audio       *cmaf.AudioConfig
	warn        func(error) // told of media that cannot be read; may be nil
	checkpoints checkpoints
	resumed     resumePoint
	recent      []cmaf.AudioFrame // of the sample clock, for a period that starts before its newest frame
	recentOf    *cmaf.AudioConfig
}

// sink takes what the timeline makes, in order.
type sink interface {
	beginPeriod(g *period)
	startSegment(g *period, c segmentBoundary)
	sourceFrame(g *period, f cmaf.Frame)
	audioFrame(g *period, f cmaf.AudioFrame)
	// repeat has an encoded picture stay on until this stream clock, in ms: the source sends none.
	repeat(g *period, clock int64)
	// decided says that there is no segment start before this stream clock, in ms, but those already told.
	decided(g *period, clock int64)
	endPeriod(g *period)
}

const (
	audioSlack    = 60   // ms that the sample clock may be off before it is set anew
	audioLagStart = 400  // ms that audio may come later than video before silence takes its place
	audioLagMax   = 2000 // the same for a publisher whose audio always comes late
)

// addCheckpoint notes the state before a key chunk is read.
func (t *timeline) addCheckpoint(c *bus.Chunk) {
	m := checkpoint{seq: c.Seq, dts: c.DTS, pts: c.DTS}
	_ = c.EachTag(func(tag bus.Tag, clock int64) error {
		if tag.IsVideoFrame() {
			m.dts, m.pts = clock, clock+int64(tag.CTS())
			return errFinished // found: read no further
		}
		return nil
	})
	m.audioClock = m.dts
	if t.period != nil && t.period.audio != nil && t.s.Anchored {
		m.audioClock = t.period.audio.Millis(t.s.AudioNext)
	}
	m.state, _ = json.Marshal(&t.s)
	t.checkpoints.add(m)
}

// restore resumes the fold at a checkpoint's state.
func (t *timeline) restore(state json.RawMessage) error {
	if err := json.Unmarshal(state, &t.s); err != nil {
		return fmt.Errorf("%w: %w", ErrResume, err)
	}
	if !t.s.Open {
		return nil
	}
	g := t.newPeriod(t.s.Mode)
	g.start = segmentBoundary{msn: t.s.Start.MSN, dts: t.s.Start.DTS, pts: t.s.Start.PTS}
	var err error
	if t.s.Video != nil {
		if g.video, err = cmaf.ParseVideoConfig(cmp.Or(t.s.Coding, cmaf.AVC), t.s.Video); err != nil {
			return fmt.Errorf("%w: %w", ErrResume, err)
		}
	}
	if t.s.Audio != nil {
		if g.audio, err = cmaf.ParseAudioConfig(t.s.Audio); err != nil {
			return fmt.Errorf("%w: %w", ErrResume, err)
		}
	}
	t.video, t.audio, t.recentOf, t.period = g.video, g.audio, g.audio, g
	t.sink.beginPeriod(g)
	if g.mode == fixedGOP && t.s.SegPTS > max(t.s.MaxPTS, t.s.Repeated) {
		// Boundaries of a fixed GOP are told ahead, and no media has reached this
		// one yet. Only a period's first segment has a discontinuity.
		t.sink.startSegment(g, segmentBoundary{
			msn: t.s.NextMSN - 1, dts: t.s.SegDTS, pts: t.s.SegPTS, wall: t.s.Wall, epoch: t.s.Epoch,
			disc: t.s.NextMSN-1 == t.s.Start.MSN && t.s.Start.Disc, discSeq: t.s.Disc, fps: g.fps, captions: t.s.Captions,
		})
	}
	return nil
}

// chunk takes the next chunk of the log.
func (t *timeline) chunk(c *bus.Chunk) error {
	if c.Epoch < t.s.Epoch || c.Epoch == t.s.Epoch && int64(c.N) <= t.s.N {
		return nil // stored twice
	}
	if !c.Key && len(t.checkpoints) == 0 {
		return nil // nothing can be made of it, nor resumed at it
	}
	if t.resumed.seq != 0 && !t.continues(c) {
		return nil
	}
	if c.Key {
		t.addCheckpoint(c)
	}
	if t.s.Period > 0 && c.Epoch == t.s.Epoch && !t.follows(c) {
		t.endAtLoss()
	}
	if c.Epoch > t.s.Epoch {
		t.closeHere()
		t.s.Epoch, t.s.Anchored, t.recent = c.Epoch, false, nil
		t.video = nil // the new connection sends its own; one without sound goes on with silence, since players keep their tracks
	}
	t.s.N = int64(c.N)
	if by := c.Wall - t.s.Wall; t.period != nil && max(by, -by) >= bus.WallStep {
		t.s.Stepped = true
	}
	t.s.Wall = c.Wall
	if err := c.EachTag(t.tag); err != nil {
		t.ignore(fmt.Errorf("chunk %d: %w", c.Seq, err))
	}
	return nil
}

// ignore leaves out what cannot be read: trying again would not help.
func (t *timeline) ignore(err error) {
	if t.warn != nil {
		t.warn(err)
	}
}

// endAtLoss ends the period where media was lost: the log went away with its
// server, or dropped it before it was read. What comes starts with a discontinuity.
func (t *timeline) endAtLoss() {
	t.closeHere()
	t.s.Anchored, t.recent = false, nil
}

// follows reports that a chunk comes right after the last one.
func (t *timeline) follows(c *bus.Chunk) bool {
	return c.Epoch == t.s.Epoch && int64(c.N) == t.s.N+1
}

// continues sees whether the first chunk after a resume goes on where the parts log
// ends. It reports false for one that is to be left out.
func (t *timeline) continues(c *bus.Chunk) bool {
	k := t.resumed
	if c.Seq == k.seq || t.follows(c) {
		t.resumed = resumePoint{}
		return true
	}
	if c.Epoch <= k.epoch && c.DTS < k.end {
		return false // viewers have had it
	}
	t.resumed = resumePoint{}
	if t.period != nil { // what came of it is all there is: not even silence can be added
		t.endPeriod(t.s.Start.DTS, t.s.Start.PTS)
	}
	t.s.NextMSN, t.s.Period, t.s.Disc = k.nextMSN, max(t.s.Period, k.period), max(t.s.Disc, k.disc)
	t.s.Losses = max(t.s.Losses, k.losses) + 1
	t.s.WantDisc, t.s.Anchored, t.s.Repeated = true, false, 0
	t.recent, t.video, t.audio = nil, nil, nil // a Key chunk brings its own
	if c.Epoch == t.s.Epoch {
		t.s.N = int64(c.N) - 1 // what is missing is accounted for
	}
	return true
}

func (t *timeline) tag(tag bus.Tag, clock int64) error {
	switch {
	case tag.IsVideoConfig():
		coding := codingOf(tag)
		if t.period != nil && t.period.video.Same(coding, tag.Payload()) {
			t.video = t.period.video // it has come back to it
		}
		if t.video.Same(coding, tag.Payload()) {
			return nil
		}
		v, err := cmaf.ParseVideoConfig(coding, tag.Payload())
		if err != nil {
			t.ignore(fmt.Errorf("video configuration at %d ms: %w", clock, err))
			return nil
		}
		t.video = v
	case tag.IsVideoFrame():
		if t.video != nil && t.video.Coding == codingOf(tag) {
			t.picture(cmaf.Frame{DTS: clock, PTS: clock + int64(tag.CTS()), Key: tag.IsKey() && t.video.IsKey(tag.Payload()), Data: tag.Payload()})
		}
	case tag.IsAACConfig():
		if t.period != nil && t.period.audio.Same(tag.Payload()) {
			t.audio = t.period.audio
		}
		if t.audio.Same(tag.Payload()) {
			return nil
		}
		a, err := cmaf.ParseAudioConfig(tag.Payload())
		if err != nil {
			t.ignore(fmt.Errorf("audio configuration at %d ms: %w", clock, err))
			return nil
		}
		t.audio = a
	case tag.IsAACFrame():
		if t.audio != nil {
			t.sound(clock, tag.Payload())
		}
	}
	return nil
}

// codingOf is the codec of a tag with pictures.
func codingOf(tag bus.Tag) cmaf.Coding {
	switch tag.Codec() {
	case bus.CodecHEVC:
		return cmaf.HEVC
	case bus.CodecAV1:
		return cmaf.AV1
	}
	return cmaf.AVC
}

func (t *timeline) picture(f cmaf.Frame) {
	if t.period != nil && t.period.video != nil && f.DTS <= t.s.LastDTS {
		return // ingest promises rising times
	}
	t.trackEarly(f)
	t.s.Captions |= t.video.Captions(f.Data)
	switch {
	case f.Key && t.changed():
		t.closeBefore(f)
		if t.sourceMode() == fixedGOP {
			at := t.tick(f.PTS)
			t.openPeriod(fixedGOP, at, at, false)
			break
		}
		t.openPeriod(passthrough, f.DTS, f.PTS, false)
	case t.period == nil:
		return // pictures before the first key frame
	case t.period.mode == passthrough && f.Key && f.PTS-t.s.SegPTS >= t.profile.MinSegment-50 && !t.overdue(f):
		t.rate(f.DTS)
		t.startPassthroughSegment(f)
	case t.period.mode == passthrough && t.passOnly && f.DTS+t.s.Frame-t.s.SegDTS > t.segmentLimit():
		t.startPassthroughSegment(f) // nobody can make a key frame
	case t.period.mode == passthrough && t.overdue(f):
		t.switchToFixedGOP(f)
	case t.period.mode == fixedGOP:
		t.scheduleFixedGOP(f.PTS)
	}
	if t.period.video == nil {
		return
	}
	t.s.Frames++
	t.s.LastDTS, t.s.MaxPTS = f.DTS, max(t.s.MaxPTS, f.PTS)
	t.sink.decided(t.period, f.DTS)
	t.sink.sourceFrame(t.period, f)
	t.fillAudio(f.DTS)
}

// changed reports whether the open period does not fit the media that comes.
func (t *timeline) changed() bool {
	return t.period == nil || t.s.Stepped || t.period.video != t.video || t.period.audio != t.audio || t.passOnly && t.period.mode == fixedGOP
}

// newPeriod is the one that the state tells of, without what is sent in it.
func (t *timeline) newPeriod(m mode) *period {
	g := &period{
		session: t.s.Session, number: t.s.Period, mode: m, partTarget: t.s.PartTarget, target: t.target(), sourceRate: t.s.Rate,
		fps: t.s.FPS, frameMillis: t.s.Frame,
	}
	t.placeFixedGOP(g)
	return g
}

// openPeriod begins a period with a segment of its own. within says that it does not begin with a key frame of the source.
func (t *timeline) openPeriod(m mode, dts, pts int64, within bool) {
	t.s.Period++
	t.s.Open, t.s.Mode, t.s.Stepped, t.s.Early = true, m, false, 0
	g := t.newPeriod(m)
	g.video, g.audio, g.within = t.video, t.audio, within
	t.s.Coding, t.s.Video, t.s.Audio = "", nil, nil
	if m == audioOnly {
		g.video = nil
	}
	if g.video != nil {
		t.s.Coding, t.s.Video = g.video.Coding, g.video.Record
	}
	if g.audio != nil {
		t.s.Audio = g.audio.Record
	}
	t.period = g
	disc := t.s.WantDisc
	if disc {
		t.s.Disc++
	}
	t.s.WantDisc = true
	g.start = t.newBoundary(dts, pts, disc)
	t.s.Start = boundaryJSON{g.start.msn, dts, pts, disc}
	t.sink.beginPeriod(g)
	t.sink.startSegment(g, g.start)
	t.continueAudio(g)
}

func (t *timeline) newBoundary(dts, pts int64, disc bool) segmentBoundary {
	c := segmentBoundary{msn: t.s.NextMSN, dts: dts, pts: pts, wall: t.s.Wall, epoch: t.s.Epoch, disc: disc, discSeq: t.s.Disc, fps: t.period.fps, captions: t.s.Captions}
	t.s.NextMSN++
	t.s.SegDTS, t.s.SegPTS, t.s.Frames = dts, pts, 0
	return c
}

func (t *timeline) startSegment(dts, pts int64, disc bool) {
	t.sink.startSegment(t.period, t.newBoundary(dts, pts, disc))
}

// closePeriod ends the open period.
func (t *timeline) closePeriod(dts, pts int64) {
	if t.period == nil {
		return
	}
	g := t.period
	if g.audio != nil && g.video != nil {
		t.fillTo(g, max(dts, pts))
	}
	t.endPeriod(dts, pts)
	if t.hasMedia(g, dts, pts) {
		return
	}
	t.s.NextMSN--                     // it is free
	if t.s.NextMSN == t.s.Start.MSN { // nor to the period
		t.s.WantDisc = t.s.Start.Disc
		if t.s.Start.Disc {
			t.s.Disc--
		}
	}
}

// hasMedia reports that there is media for the newest segment of a period that ends at a time.
func (t *timeline) hasMedia(g *period, dts, pts int64) bool {
	if g.video != nil {
		return t.s.SegDTS < dts || t.s.SegPTS < pts
	}
	n := t.s.AudioNext - int64(g.audio.FrameSamples)
	for t.s.Anchored && g.audio.Millis(n-1) >= pts {
		n -= int64(g.audio.FrameSamples)
	}
	return t.s.Anchored && g.audio.Millis(n-1) >= t.s.SegPTS && n >= g.audio.SampleAfter(t.s.SegPTS)
}

func (t *timeline) endPeriod(dts, pts int64) {
	g := t.period
	g.ended, g.endDTS, g.endPTS = true, dts, pts
	t.sink.endPeriod(g)
	t.period = nil
	t.s.Open = false
}

// closeBefore ends the open period at a picture, or after the last one
// there was where that cannot last so long.
func (t *timeline) closeBefore(f cmaf.Frame) {
	hole := f.DTS - max(t.s.LastDTS, t.s.Repeated)
	if t.period != nil && t.period.video != nil && (t.period.audio == nil && hole > t.s.PartTarget || max(f.DTS-t.s.SegDTS, f.PTS-t.s.SegPTS) > t.longestSegment()) {
		t.closeHere()
		return
	}
	t.closePeriod(f.DTS, max(f.PTS, t.s.MaxPTS))
}

// finish ends the stream.
func (t *timeline) finish() { t.closeHere() }

// closeHere ends the open period after the last picture or sound there was.
func (t *timeline) closeHere() {
	if g := t.period; g != nil && g.video == nil && t.s.Anchored {
		end := g.audio.Millis(t.s.AudioNext)
		t.closePeriod(end, end)
		return
	}
	t.closePeriod(max(t.s.LastDTS, t.s.Repeated)+t.s.Frame, max(t.s.MaxPTS, t.s.Repeated)+t.s.Frame)
}
