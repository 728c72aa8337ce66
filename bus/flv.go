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

// IsAVC reports H.264 video (FLV CodecID 7).
func (t Tag) IsAVC() bool { return t.Type == TagVideo && len(t.Data) >= 5 && t.Data[0]&0x8f == 7 }

// IsAVCConfig reports an AVCDecoderConfigurationRecord, in Payload.
func (t Tag) IsAVCConfig() bool { return t.IsAVC() && t.Data[1] == 0 }

// IsAVCFrame reports one access unit of length-prefixed NAL units, in Payload.
func (t Tag) IsAVCFrame() bool { return t.IsAVC() && t.Data[1] == 1 && len(t.Data) > 5 }

// IsKey reports a video key frame (for H.264, an IDR picture).
func (t Tag) IsKey() bool { return t.IsAVCFrame() && t.Data[0]>>4 == 1 }

// IsAAC reports AAC audio (FLV SoundFormat 10).
func (t Tag) IsAAC() bool { return t.Type == TagAudio && len(t.Data) >= 2 && t.Data[0]>>4 == 10 }

// IsAACConfig reports an AudioSpecificConfig, in Payload.
func (t Tag) IsAACConfig() bool { return t.IsAAC() && t.Data[1] == 0 }

// IsAACFrame reports one raw AAC frame, in Payload.
func (t Tag) IsAACFrame() bool { return t.IsAAC() && t.Data[1] == 1 && len(t.Data) > 2 }

// CTS is the composition time offset of an H.264 tag: PTS - DTS, ms, signed 24 bits.
func (t Tag) CTS() int32 {
	if !t.IsAVC() {
		return 0
	}
	return int32(uint32(t.Data[2])<<24|uint32(t.Data[3])<<16|uint32(t.Data[4])<<8) >> 8
}

// Payload is the codec's bytes of an H.264 or AAC tag, nil for others.
func (t Tag) Payload() []byte {
	switch {
	case t.IsAVC():
		return t.Data[5:]
	case t.IsAAC():
		return t.Data[2:]
	}
	return nil
}
