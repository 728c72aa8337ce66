package transcode

import "github.com/helios-h2020/pse/transcode/cmaf"

// track is one period of a rendition.
type track struct {
	period        *period
	spec          renditionSpec
	video         *cmaf.VideoConfig // of the pictures in it
	seg           segmenter
	waiting       []fragment // closed, without their audio yet
	audio         []cmaf.AudioFrame
	audioFrom     int64 // sample number of the first audio frame wanted
	audioPosition int64 // sample number after the newest audio frame
	audioDone     bool  // no more audio comes
	videoDone     bool  // no more pictures come
	skip          bool  // all of it is out already
	init          []byte
	initID        string
}

// boundaryTime is where a segment starts on the rendition's own clock: the source's
// pictures are cut in decoding order, encoded ones have only one order.
func (t *track) boundaryTime(c segmentBoundary) int64 {
	if t.spec.rung == nil && !t.spec.sound {
		return c.dts
	}
	return c.pts
}

// ready reports that the sound of a part has come.
func (t *track) ready(c *fragment) bool {
	return t.period.audio == nil || t.spec.sound || t.audioDone || t.audioPosition >= t.period.audio.SampleAfter(c.end)
}
