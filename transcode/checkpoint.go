package transcode

import (
	"encoding/json"
	"fmt"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// maxCheckpoints bounds the memory of places to resume at; the media log keeps fewer.
const maxCheckpoints = 120

// addCheckpoint notes the state before a key chunk is read.
func (t *timeline) addCheckpoint(c *bus.Chunk) {
	m := checkpoint{seq: c.Seq, dts: c.DTS, pts: c.DTS}
	_ = c.EachTag(func(tag bus.Tag, clock int64) error {
		if tag.IsAVCFrame() {
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
	if len(t.checkpoints) >= maxCheckpoints {
		t.checkpoints = append(t.checkpoints[:0], t.checkpoints[1:]...)
	}
	t.checkpoints = append(t.checkpoints, m)
}

// checkpointFor is the newest checkpoint from which everything from a time on can be made
// again: end on the pictures' clock, audio on the sounds'.
func (t *timeline) checkpointFor(end, audio int64, byDTS bool) *checkpoint {
	for i := len(t.checkpoints) - 1; i >= 0; i-- {
		m := &t.checkpoints[i]
		at := m.pts
		if byDTS {
			at = m.dts
		}
		if at <= end && m.audioClock <= audio {
			return m
		}
	}
	if len(t.checkpoints) > 0 {
		return &t.checkpoints[0]
	}
	return nil
}

// checkpointAt is the checkpoint of a chunk, or the oldest there is: the chunk may have got
// another number when the media log was lost and stored again. There is one.
func (t *timeline) checkpointAt(seq uint64) *checkpoint {
	for i := range t.checkpoints {
		if t.checkpoints[i].seq == seq {
			return &t.checkpoints[i]
		}
	}
	return &t.checkpoints[0]
}

// restore takes the fold up at a checkpoint's state.
func (t *timeline) restore(state json.RawMessage) error {
	if err := json.Unmarshal(state, &t.s); err != nil {
		return fmt.Errorf("%w: %w", ErrResume, err)
	}
	if !t.s.Open {
		return nil
	}
	g := &period{number: t.s.Period, mode: t.s.Mode, fps: t.s.FPS, frameMillis: t.s.Frame}
	t.placeFixedGOP(g)
	g.start = segmentBoundary{msn: t.s.Start.MSN, dts: t.s.Start.DTS, pts: t.s.Start.PTS}
	var err error
	if t.s.Video != nil {
		if g.video, err = cmaf.ParseVideoConfig(t.s.Video); err != nil {
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
		// A grid's segment starts are told ahead: nobody has come to this one
		// yet. Only a period's first segment has a discontinuity.
		t.sink.startSegment(g, segmentBoundary{
			msn: t.s.NextMSN - 1, dts: t.s.SegDTS, pts: t.s.SegPTS, wall: t.s.Wall, epoch: t.s.Epoch,
			disc: t.s.NextMSN-1 == t.s.Start.MSN && t.s.Start.Disc, discSeq: t.s.Disc, fps: g.fps,
		})
	}
	return nil
}
