package transcode

import "github.com/helios-h2020/pse/transcode/cmaf"

// maxRecent bounds the sound that is kept for a new period: 20 to 60 s.
const maxRecent = 1024

// sound takes one AAC frame of the source and puts it on the sample clock,
// which runs on without gaps: silence is put in where the source has none.
func (t *timeline) sound(clock int64, data []byte) {
	if (t.video == nil || t.s.SoundOnly && t.period == nil) && t.soundChanged() {
		t.closePeriod(clock, clock)
		t.openPeriod(audioOnly, clock, clock, false)
	}
	if t.period != nil && t.period.video != nil {
		t.fillMissing(clock)
	}
	g := t.period
	if g == nil || g.audio == nil || g.audio != t.audio {
		return // before the first key frame, or of a configuration that starts with the next
	}
	if g.mode == audioOnly {
		if clock-t.s.SegPTS >= t.profile.MinSegment {
			t.startSegment(clock, clock, false)
		}
		t.s.LastDTS, t.s.MaxPTS = clock, clock
		t.sink.decided(g, clock)
	}
	rate, step := int64(g.audio.Rate), int64(g.audio.FrameSamples)
	want := (clock*rate + 500) / 1000
	if !t.s.Anchored {
		t.anchor(g, want)
	}
	off := want - t.s.AudioNext
	slack := rate * audioSlack / 1000
	if t.s.Silent { // nobody hears where silence ends: what follows it goes to its own place
		slack = step / 2
	}
	switch {
	case off > slack:
		t.pushSilence(g, (off+step/2)/step)
	case off < -slack:
		// Silence has taken its place already: wait longer for the next ones.
		if lag := t.s.LastDTS - clock + 200; g.video != nil && lag > t.s.AudioLag {
			t.s.AudioLag = min(lag, audioLagMax)
		}
		return
	}
	t.s.Silent = false
	t.pushAudio(g, data)
}

// soundChanged reports that the open period is not one of this sound alone.
func (t *timeline) soundChanged() bool {
	return t.period == nil || t.s.Stepped || t.period.audio != t.audio
}

// anchor sets the sample clock to a frame, and leads up to it with silence from the period's start.
func (t *timeline) anchor(g *period, want int64) {
	step := int64(g.audio.FrameSamples)
	t.s.Anchored, t.s.AudioNext = true, want
	for start := g.audio.SampleAfter(g.start.dts); t.s.AudioNext-step >= start; {
		t.s.AudioNext -= step
	}
	t.pushSilence(g, (want-t.s.AudioNext+step/2-1)/step)
}

// pushSilence puts n frames of silence where there is no sound.
func (t *timeline) pushSilence(g *period, n int64) {
	for silence := g.audio.SilentFrame(); n > 0; n-- {
		t.s.Silent = true
		t.pushAudio(g, silence)
	}
}

func (t *timeline) pushAudio(g *period, data []byte) {
	f := cmaf.AudioFrame{Sample: t.s.AudioNext, Data: data}
	t.s.AudioNext += int64(g.audio.FrameSamples)
	if len(t.recent) >= maxRecent {
		t.recent = append(t.recent[:0], t.recent[maxRecent/2:]...)
	}
	t.recent = append(t.recent, f)
	t.sink.audioFrame(g, f)
}

// continueAudio gives a new period the sound from its start on that came before it.
func (t *timeline) continueAudio(g *period) {
	if g.audio == nil || g.audio != t.recentOf {
		t.s.Anchored, t.recent, t.recentOf = false, nil, g.audio
		return
	}
	for _, f := range t.recent {
		t.sink.audioFrame(g, f)
	}
}

// fillAudio puts silence where audio is later than it may be.
func (t *timeline) fillAudio(video int64) {
	if t.period.audio == nil {
		return
	}
	t.fillTo(t.period, video-max(t.s.AudioLag, audioLagStart))
}

func (t *timeline) fillTo(g *period, clock int64) {
	if clock <= g.start.dts {
		return
	}
	if !t.s.Anchored {
		t.s.Anchored, t.s.AudioNext = true, g.audio.SampleAfter(g.start.dts)
	}
	for g.audio.Millis(t.s.AudioNext) < clock {
		t.pushSilence(g, 1)
	}
}
