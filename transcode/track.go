package transcode

import (
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// track is one generation of a rendition.
type track struct {
	gen     *generation
	spec    renditionSpec
	video   *cmaf.VideoConfig // of the pictures in it
	seg     segmenter
	waiting []cell // closed, without their audio yet
	audio   []cmaf.AudioFrame
	from    int64 // sample number of the first audio frame wanted
	front   int64 // sample number after the newest audio frame
	full    bool  // no more audio comes
	done    bool  // no more pictures come
	skip    bool  // all of it is out already
	init    []byte
	initID  string
}

// clock is where a segment starts on the rendition's own clock: the source's
// pictures are cut in decoding order, encoded ones have only one order.
func (t *track) clock(c cut) int64 {
	if t.spec.rung == nil && !t.spec.sound {
		return c.dts
	}
	return c.pts
}

// ready reports that the sound of a part has come.
func (t *track) ready(c *cell) bool {
	return t.gen.audio == nil || t.spec.sound || t.full || t.front >= t.gen.audio.SampleAfter(c.end)
}
