package cmaf

import (
	"bytes"
	"fmt"

	"github.com/helios-h2020/pse/internal/avc"
)

// VideoConfig is a video track's AVCDecoderConfigurationRecord and what it says. It does not change.
type VideoConfig struct {
	Record        []byte // as it came, for avcC and FLV
	lengthSize    int    // bytes of a NAL unit's length prefix
	Codec         string // RFC 6381: avc1.PPCCLL
	sps           avc.SPS
	Width, Height int // as displayed
}

// ParseVideoConfig reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15
// 5.3.3.1), of which it keeps a copy. What is malformed, or has pictures of
// more than 8192 pixels a side, is ErrMedia.
func ParseVideoConfig(record []byte) (*VideoConfig, error) {
	c, err := avc.ParseConfig(record)
	if err == nil {
		_, err = c.PPS()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMedia, err)
	}
	if c.LengthSize == 3 {
		return nil, fmt.Errorf("%w: NAL units with lengths of 3 bytes", ErrMedia)
	}
	first := c.SPS[0]
	v := &VideoConfig{Record: bytes.Clone(record), lengthSize: c.LengthSize, Codec: fmt.Sprintf("avc1.%02x%02x%02x", first[1], first[2], first[3])}
	if v.sps, err = avc.ParseSPS(first); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMedia, err)
	}
	v.Width, v.Height = v.sps.Display()
	return v, nil
}

// IsIDR reports whether an access unit of length-prefixed NAL units has an IDR picture.
func (v *VideoConfig) IsIDR(au []byte) bool {
	for len(au) > v.lengthSize {
		unit, rest, ok := avc.NextUnit(au, v.lengthSize)
		if !ok || len(unit) == 0 {
			return false
		}
		switch unit[0] & 0x1f {
		case avc.UnitIDR:
			return true
		case avc.UnitSlice:
			return false
		}
		au = rest
	}
	return false
}

// Captions are the channels of closed captions that an access unit has something of.
func (v *VideoConfig) Captions(au []byte) avc.Captions { return avc.CaptionsOf(au, v.lengthSize) }

// Common reports pictures that every browser and phone decodes; see avc.SPS.Common.
func (v *VideoConfig) Common() bool { return v.sps.Common() }

// Interlaced reports that pictures may be of two fields.
func (v *VideoConfig) Interlaced() bool { return v.sps.Interlaced }

// Same reports that a configuration record is the one v was read from; v may be nil.
func (v *VideoConfig) Same(record []byte) bool { return v != nil && bytes.Equal(v.Record, record) }
