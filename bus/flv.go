package bus

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// FLV tag types (Adobe FLV specification 10.1, E.4.1).
const (
	TagAudio  byte = 8
	TagVideo  byte = 9
	TagScript byte = 18
)

// MaxTagBytes is the largest body of one tag that the media log carries.
const MaxTagBytes = 6 << 20

// ErrFLV says that bytes are not a sequence of whole FLV tags.
var ErrFLV = errors.New("malformed FLV tags")

// Tag is one FLV tag. Data is the tag's body and, when it comes from
// NextTag, points into the bytes it was cut from.
type Tag struct {
	Type byte
	TS   uint32 // the low 32 bits of the stream clock, ms; DTS for video
	Data []byte
}

// AppendTag appends a tag in the file format: header, body and the trailing
// size. Data must not be longer than MaxTagBytes.
func AppendTag(b []byte, t Tag) []byte {
	n := len(t.Data)
	b = append(b, t.Type, byte(n>>16), byte(n>>8), byte(n),
		byte(t.TS>>16), byte(t.TS>>8), byte(t.TS), byte(t.TS>>24), 0, 0, 0)
	b = append(b, t.Data...)
	return binary.BigEndian.AppendUint32(b, uint32(n+11))
}

// NextTag cuts the first tag off b. It returns ErrFLV when b does not start
// with a whole tag of at most MaxTagBytes.
func NextTag(b []byte) (t Tag, rest []byte, err error) {
	if len(b) < 15 {
		return t, nil, fmt.Errorf("%w: %d bytes left", ErrFLV, len(b))
	}
	n := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
	if n > MaxTagBytes || len(b) < n+15 {
		return t, nil, fmt.Errorf("%w: a body of %d bytes, %d bytes left", ErrFLV, n, len(b))
	}
	if got := binary.BigEndian.Uint32(b[n+11:]); got != uint32(n+11) {
		return t, nil, fmt.Errorf("%w: trailing size %d, not %d", ErrFLV, got, n+11)
	}
	t = Tag{Type: b[0] & 0x1f, TS: uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]), Data: b[11 : 11+n : 11+n]}
	return t, b[n+15:], nil
}

// Clock widens a tag's 32-bit time: near is a stream clock value, in ms,
// that lies within 24 days of the tag's.
func (t Tag) Clock(near int64) int64 { return near + int64(int32(t.TS-uint32(near))) }

// FourCCs of codecs in enhanced tags (Enhanced RTMP v2).
const (
	FourHEVC = "hvc1"
	FourAV1  = "av01"
)

// Types of packets in enhanced tags.
const (
	packetStart   = 0 // a configuration
	packetFrames  = 1
	packetFramesX = 3 // shown when it is decoded
)

// Codec is the codec of a tag with pictures or sound: one of CodecH264, CodecAAC,
// CodecHEVC and CodecAV1, or empty. The last two come in enhanced tags of one track.
func (t Tag) Codec() string {
	switch {
	case t.Type == TagVideo && len(t.Data) >= 5 && t.Data[0]&0x8f == 7:
		return CodecH264
	case t.Type == TagVideo && len(t.Data) >= 5 && t.Data[0]&0x80 != 0:
		switch string(t.Data[1:5]) {
		case FourHEVC:
			return CodecHEVC
		case FourAV1:
			return CodecAV1
		}
	case t.Type == TagAudio && len(t.Data) >= 2 && t.Data[0]>>4 == 10:
		return CodecAAC
	}
	return ""
}

// IsVideoConfig reports the configuration of a video codec, in Payload.
func (t Tag) IsVideoConfig() bool {
	switch t.Codec() {
	case CodecH264:
		return t.Data[1] == 0
	case CodecHEVC, CodecAV1:
		return t.Data[0]&0x0f == packetStart
	}
	return false
}

// IsVideoFrame reports one access unit, in Payload: of H.264 and HEVC length-prefixed NAL
// units, of AV1 OBUs.
func (t Tag) IsVideoFrame() bool {
	switch t.Codec() {
	case CodecH264:
		return t.Data[1] == 1 && len(t.Data) > 5
	case CodecHEVC, CodecAV1:
		packet := t.Data[0] & 0x0f
		return (packet == packetFrames || packet == packetFramesX) && len(t.Payload()) > 0
	}
	return false
}

// IsKey reports a video key frame: one that decoding can begin with.
func (t Tag) IsKey() bool { return t.IsVideoFrame() && t.Data[0]>>4&7 == 1 }

// IsAAC reports AAC audio (FLV SoundFormat 10).
func (t Tag) IsAAC() bool { return t.Codec() == CodecAAC }

// IsAACConfig reports an AudioSpecificConfig, in Payload.
func (t Tag) IsAACConfig() bool { return t.IsAAC() && t.Data[1] == 0 }

// IsAACFrame reports one raw AAC frame, in Payload.
func (t Tag) IsAACFrame() bool { return t.IsAAC() && t.Data[1] == 1 && len(t.Data) > 2 }

// CTS is the composition time offset of a video tag: PTS - DTS, ms, signed 24 bits.
func (t Tag) CTS() int32 {
	at := 0
	switch c := t.Codec(); {
	case c == CodecH264:
		at = 2
	case c == CodecHEVC && t.Data[0]&0x0f == packetFrames && len(t.Data) >= 8:
		at = 5
	default:
		return 0
	}
	return int32(uint32(t.Data[at])<<24|uint32(t.Data[at+1])<<16|uint32(t.Data[at+2])<<8) >> 8
}

// Payload is the codec's bytes of a tag whose Codec is known, nil for others.
func (t Tag) Payload() []byte {
	switch c := t.Codec(); {
	case c == CodecAAC:
		return t.Data[2:]
	case c == CodecHEVC && t.Data[0]&0x0f == packetFrames: // behind the composition time
		return t.Data[min(8, len(t.Data)):]
	case c != "":
		return t.Data[5:]
	}
	return nil
}
