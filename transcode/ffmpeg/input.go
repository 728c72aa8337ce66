package ffmpeg

import (
	"strings"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// input is how a source is written to ffmpeg: a container that ffmpeg 5.1 reads the codec
// in, picture by picture, with the times that it has.
type input interface {
	// begin appends what comes before the first picture, which is at a time in ms.
	begin(b []byte, at int64) []byte
	// picture appends an access unit.
	picture(b []byte, f cmaf.Frame) []byte
}

// inputOf is the one for a source, whose pictures usually last for so many ms: FLV for
// H.264, whose newer codecs ffmpeg 5.1 does not know, and for those fragmented MP4 with a
// fragment a picture.
func inputOf(v *cmaf.VideoConfig, frame int64) input {
	if v.Coding == cmaf.HEVC || v.Coding == cmaf.AV1 {
		return &mp4Input{source: v, frame: max(frame, 1)}
	}
	return flvInput{v, frame}
}

// untrustedInput is all that ffmpeg may use for what publishers send: the pipe it comes by,
// its container and its codec.
func untrustedInput(v *cmaf.VideoConfig) string {
	return "-protocol_whitelist pipe -format_whitelist " + inputFormat(v) + " -codec_whitelist " + strings.Join(decoderNames(v.Coding), ",")
}

// inputFormat names the container of a source.
func inputFormat(v *cmaf.VideoConfig) string {
	if v.Coding == cmaf.HEVC || v.Coding == cmaf.AV1 {
		return "mov"
	}
	return "flv"
}

// mp4Input writes fragmented MP4.
type mp4Input struct {
	source *cmaf.VideoConfig
	frame  int64 // what each picture is said to last, in ms: encoders take rate and level from it
	number uint32
}

func (m *mp4Input) begin(b []byte, _ int64) []byte {
	return append(b, cmaf.InitSegment(m.source, nil)...)
}

func (m *mp4Input) picture(b []byte, f cmaf.Frame) []byte {
	m.number++
	f.DTS = min(f.DTS, f.PTS) // else ffmpeg shifts the times of all that follows
	c := cmaf.Chunk{Number: m.number, Video: []cmaf.Frame{f}, VideoEnd: f.DTS + m.frame}
	return append(b, c.Marshal()...)
}
