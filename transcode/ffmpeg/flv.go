package ffmpeg

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// flvHeader begins an FLV stream of pictures alone, and says that no tag comes
// before it (Adobe FLV specification 10.1, E.2 and E.3).
const flvHeader = "FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00"

// Heads of a video tag with H.264: FrameType and CodecID (E.4.3.1).
const (
	flvKey   = 0x17
	flvInter = 0x27
)

// appendConfig appends what decodes the pictures from a time on, in ms.
func appendConfig(b []byte, v *cmaf.VideoConfig, at int64) []byte {
	return bus.AppendTag(b, bus.Tag{Type: bus.TagVideo, TS: uint32(at), Data: append([]byte{flvKey, 0, 0, 0, 0}, v.Record...)})
}

// appendPicture appends one access unit at its DTS.
func appendPicture(b []byte, f cmaf.Frame) []byte {
	head := byte(flvInter)
	if f.Key {
		head = flvKey
	}
	cts := f.PTS - f.DTS
	data := make([]byte, 0, 5+len(f.Data))
	data = append(data, head, 1, byte(cts>>16), byte(cts>>8), byte(cts))
	return bus.AppendTag(b, bus.Tag{Type: bus.TagVideo, TS: uint32(f.DTS), Data: append(data, f.Data...)})
}

// flvInput writes H.264 in FLV.
type flvInput struct {
	source *cmaf.VideoConfig
	frame  int64 // how long pictures usually last, ms; 0: unknown
}

func (i flvInput) begin(b []byte, at int64) []byte {
	b = append(b, flvHeader...)
	if i.frame > 0 {
		b = appendFrameRate(b, 1000/float64(i.frame))
	}
	return appendConfig(b, i.source, at)
}

// appendFrameRate appends metadata (E.5) of pictures a second, for sources that do not say it
// themselves: encoders would else take it for 1000, and spend a thirtieth on each. Its time is 0:
// ffmpeg takes metadata of another for subtitles.
func appendFrameRate(b []byte, fps float64) []byte {
	const name, array, number, end = "\x02\x00\x0aonMetaData", "\x08\x00\x00\x00\x01", "\x00\x09framerate\x00", "\x00\x00\x09"
	data := binary.BigEndian.AppendUint64([]byte(name+array+number), math.Float64bits(fps))
	return bus.AppendTag(b, bus.Tag{Type: bus.TagScript, Data: append(data, end...)})
}

func (flvInput) picture(b []byte, f cmaf.Frame) []byte { return appendPicture(b, f) }

// readTag reads the next tag of an FLV stream.
func readTag(r io.Reader) (bus.Tag, error) {
	var h [11]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return bus.Tag{}, err
	}
	n := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if n > bus.MaxTagBytes {
		return bus.Tag{}, fmt.Errorf("%w: a tag of %d bytes", ErrFailed, n)
	}
	b := make([]byte, n+4)
	if _, err := io.ReadFull(r, b); err != nil {
		return bus.Tag{}, err
	}
	return bus.Tag{Type: h[0] & 0x1f, TS: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]), Data: b[:n:n]}, nil
}
