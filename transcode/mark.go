package transcode

import (
	"encoding/json"
	"fmt"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// maxMarks bounds the memory of places to resume at; the media log keeps fewer.
const maxMarks = 120

// mark notes the state before a key chunk is read.
func (t *timeline) mark(c *bus.Chunk) {
	m := mark{seq: c.Seq, dts: c.DTS, pts: c.DTS}
	_ = c.EachTag(func(tag bus.Tag, clock int64) error {
		if tag.IsAVCFrame() {
			m.dts, m.pts = clock, clock+int64(tag.CTS())
			return errFinished // found: read no further
		}
		return nil
	})
	m.audioClock = m.dts
	if t.gen != nil && t.gen.audio != nil && t.s.Anchored {
		m.audioClock = t.gen.audio.Millis(t.s.AudioNext)
	}
	m.state, _ = json.Marshal(&t.s)
	if len(t.marks) >= maxMarks {
		t.marks = append(t.marks[:0], t.marks[1:]...)
	}
	t.marks = append(t.marks, m)
}

// markFor is the newest mark from which everything from a time on can be made
// again: end on the pictures' clock, audio on the sounds'.
func (t *timeline) markFor(end, audio int64, byDTS bool) *mark {
	for i := len(t.marks) - 1; i >= 0; i-- {
		m := &t.marks[i]
		at := m.pts
		if byDTS {
			at = m.dts
		}
		if at <= end && m.audioClock <= audio {
			return m
		}
	}
	if len(t.marks) > 0 {
		return &t.marks[0]
	}
	return nil
}

// markAt is the mark of a chunk, or the oldest there is: the chunk may have got
// another number when the media log was lost and stored again. There is one.
func (t *timeline) markAt(seq uint64) *mark {
	for i := range t.marks {
		if t.marks[i].seq == seq {
			return &t.marks[i]
		}
	}
	return &t.marks[0]
}

// restore takes the fold up at a mark's state.
func (t *timeline) restore(state json.RawMessage) error {
	if err := json.Unmarshal(state, &t.s); err != nil {
		return fmt.Errorf("%w: %w", ErrResume, err)
	}
	if !t.s.Open {
		return nil
	}
	g := &generation{number: t.s.Gen, mode: t.s.Mode, fps: t.s.FPS, frame: t.s.Frame}
	t.setGrid(g)
	g.start = cut{msn: t.s.Start.MSN, dts: t.s.Start.DTS, pts: t.s.Start.PTS}
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
	t.video, t.audio, t.recentOf, t.gen = g.video, g.audio, g.audio, g
	t.sink.beginGeneration(g)
	if g.mode == modeGrid && t.s.SegPTS > max(t.s.MaxPTS, t.s.Repeated) {
		// A grid's segment starts are told ahead: nobody has come to this one
		// yet. Only a generation's first segment has a discontinuity.
		t.sink.cutSegment(g, cut{
			msn: t.s.NextMSN - 1, dts: t.s.SegDTS, pts: t.s.SegPTS, wall: t.s.Wall, epoch: t.s.Epoch,
			disc: t.s.NextMSN-1 == t.s.Start.MSN && t.s.Start.Disc, discSeq: t.s.Disc, fps: g.fps,
		})
	}
	return nil
}
