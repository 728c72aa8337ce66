package transcode

import "encoding/json"

// maxCheckpoints bounds the memory of places to resume at; the media log keeps fewer.
const maxCheckpoints = 120

// checkpoint is a chunk from which the fold can be resumed.
type checkpoint struct {
	seq        uint64
	dts, pts   int64 // of its first picture, or sound
	audioClock int64 // ms: every audio frame from here on comes with or after the chunk
	state      json.RawMessage
}

// checkpoints are the newest of a stream, in the log's order. The timeline adds
// them, the renditions say with each part which one goes on after it.
type checkpoints []checkpoint

func (c *checkpoints) add(m checkpoint) {
	if len(*c) >= maxCheckpoints {
		*c = append((*c)[:0], (*c)[1:]...)
	}
	*c = append(*c, m)
}

// before is the newest checkpoint from which everything from a time on can be
// made again: end on the pictures' clock, audio on the sounds'. Else it is the
// oldest, nil when there is none.
func (c checkpoints) before(end, audio int64, byDTS bool) *checkpoint {
	for i := len(c) - 1; i >= 0; i-- {
		m := &c[i]
		at := m.pts
		if byDTS {
			at = m.dts
		}
		if at <= end && m.audioClock <= audio {
			return m
		}
	}
	if len(c) > 0 {
		return &c[0]
	}
	return nil
}

// at is the checkpoint of a chunk, or the oldest there is: the chunk may have got
// another number when the media log was lost and stored again. There is one.
func (c checkpoints) at(seq uint64) *checkpoint {
	for i := range c {
		if c[i].seq == seq {
			return &c[i]
		}
	}
	return &c[0]
}
