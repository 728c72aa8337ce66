package transcode

import (
	"math"
	"slices"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// planMedia is how much of a session is looked at before its first part, in ms.
const planMedia = 1000

// longestFrame is how long the last picture of a period is shown at most, in ms.
const longestFrame = 1000 / fpsLow

// maxPartTarget is the longest part, in ms.
const maxPartTarget = 500

// passTarget is EXT-X-TARGETDURATION, in s, where nobody can encode: segments
// start with the source's key frames, which come every 250 pictures as OBS and
// x264 have it by themselves.
const passTarget = 10

// plan chooses what stays constant in a session from its first media: the
// part target, which all parts but the last of a segment must fill to 85 %.
func (t *timeline) plan(chunks []*bus.Chunk) {
	var times []int64
	var video *cmaf.VideoConfig
	var size, span, sound int64
	for _, c := range chunks {
		size, span = size+int64(len(c.Tags)), c.DTS+100-chunks[0].DTS
		_ = c.EachTag(func(tag bus.Tag, clock int64) error {
			switch {
			case tag.IsVideoFrame():
				times = append(times, clock)
				if video != nil { // the first playlist is to tell of them, players read it once
					t.s.Captions |= video.Captions(tag.Payload())
				}
			case tag.IsVideoConfig():
				if v, err := cmaf.ParseVideoConfig(codingOf(tag), tag.Payload()); err == nil {
					video = v
				}
			case tag.IsAACConfig():
				if a, err := cmaf.ParseAudioConfig(tag.Payload()); err == nil {
					sound = max(sound, a.FrameSpan())
				}
			}
			return nil
		})
	}
	t.s.Rate = int(size * 8000 / span)
	t.s.SoundOnly = len(times) == 0
	t.s.Frame, t.s.FPS = 40, 25
	long := int64(0)
	if n := len(times) - 1; n >= 2 {
		deltas := make([]int64, n)
		for i := range deltas {
			deltas[i] = times[i+1] - times[i]
		}
		slices.Sort(deltas)
		t.s.Frame = min(max(1, deltas[n/2]), longestFrame)
		long = deltas[n*9/10] // one dropped frame must not make all parts long
		t.s.FPS = roundFPS(float64(n) * 1000 / float64(max(1, times[n]-times[0])))
	}
	t.s.PartTarget = partTarget(1000/t.s.FPS, long, 2*sound)
	t.s.Target = t.profile.Target
	if t.passOnly {
		t.s.Target = max(t.s.Target, passTarget)
	}
}

// rate takes the frame rate of the segment that ends now, if it has become another.
func (t *timeline) rate(end int64) {
	span := end - t.s.SegDTS
	if span < 1000 || t.s.Frames < 2 {
		return
	}
	fps := roundFPS(float64(t.s.Frames) * 1000 / float64(span))
	if math.Abs(fps-t.s.FPS) > t.s.FPS*0.05 {
		t.s.FPS, t.s.Frame = fps, min(max(1, int64(1000/fps)), longestFrame)
		t.period.fps, t.period.frameMillis = t.s.FPS, t.s.Frame
	}
}

// partTarget is PART-TARGET in ms for frames of this duration: whole frames
// for about 200 ms, and 85 % of it within reach of any frame's end. It is no
// less than least: two frames of sound, which at 8 kHz last longer than a part
// would, so that none has to be without media.
func partTarget(frame float64, longest, least int64) int64 {
	n := max(1, math.Round(200/frame), math.Ceil(float64(least)/(1.1*frame)))
	p := math.Ceil(max(1.1*n*frame, float64(longest)/0.15))
	return int64(min(p, maxPartTarget))
}

// roundFPS takes the usual rate that a measured one is next to.
func roundFPS(fps float64) float64 {
	for _, usual := range []float64{5, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60} {
		if math.Abs(fps-usual) < usual*0.03 {
			return usual
		}
	}
	return math.Round(fps*100) / 100
}
