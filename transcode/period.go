package transcode

import (
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/transcode/cmaf"
	"github.com/helios-h2020/pse/transcode/ffmpeg"
)

// segmentBoundary is the start of a segment, the same for all renditions.
type segmentBoundary struct {
	msn      uint64
	dts, pts int64 // of its first frame, ms
	wall     int64 // unix ms of stream clock 0
	epoch    int
	disc     bool   // a discontinuity goes before it
	discSeq  uint64 // discontinuities up to and with it
	fps      float64
	captions avc.Captions // channels that pictures have had up to it
}

// mode says where a period's pictures and its segment starts come from.
type mode string

const (
	passthrough mode = "pass"  // the source's own pictures and key frames
	fixedGOP    mode = "grid"  // encoded pictures at a constant rate, key frames on the absolute grid
	audioOnly   mode = "audio" // no pictures
)

// period is a stretch of a stream between discontinuities: its parameters do not change.
type period struct {
	session          string
	number           int
	mode             mode
	video            *cmaf.VideoConfig // of the source; nil without video
	audio            *cmaf.AudioConfig // nil without audio
	partTarget       int64             // PART-TARGET, ms
	target           int               // EXT-X-TARGETDURATION, s
	sourceRate       int               // of the whole source at the session's start, bits/s
	fps              float64           // frames a second
	frameMillis      int64             // a frame's usual duration, ms
	gridFPS, gridGOP int               // of fixedGOP: pictures a second, and from key frame to key frame
	start            segmentBoundary
	within           bool // it starts within a GOP of the source

	ended          bool
	endDTS, endPTS int64 // when ended
}

// uncommon reports a source whose pictures phones and most browsers do not decode.
func (g *period) uncommon() bool { return g.video != nil && !g.video.Common() }

// grid is how ffmpeg is to place pictures; nil: as the source does.
func (g *period) grid() *ffmpeg.Grid {
	if g.mode != fixedGOP {
		return nil
	}
	return &ffmpeg.Grid{FPS: g.gridFPS, GOP: g.gridGOP}
}
