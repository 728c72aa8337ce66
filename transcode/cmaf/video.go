package cmaf

import (
	"bytes"
	"fmt"

	"github.com/helios-h2020/pse/internal/av1"
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/internal/hevc"
)

// A Coding is a video codec, by the name of its sample entry.
type Coding string

// Codings that are known.
const (
	AVC  Coding = "avc1"
	HEVC Coding = "hvc1"
	AV1  Coding = "av01"
)

// VideoConfig is a video track's configuration record and what it says. It does not change.
type VideoConfig struct {
	Coding
	Record        []byte // as it came, for avcC, hvcC, av1C and FLV
	Codec         string // RFC 6381
	Width, Height int    // as displayed

	sps                 avc.SPS // of H.264
	lengthSize          int     // bytes of a NAL unit's length prefix
	pixelsX, pixelsY    int     // the picture, before its pixels are stretched
	sarWidth, sarHeight int     // of a pixel
}

// ParseVideoConfig reads a configuration record of a codec, of which it keeps a copy:
// an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1), an HEVCDecoderConfigurationRecord
// (8.3.3.1) or an AV1CodecConfigurationRecord. What is malformed, or has pictures of
// more than 8192 pixels a side, is ErrMedia.
func ParseVideoConfig(coding Coding, record []byte) (*VideoConfig, error) {
	v := &VideoConfig{Coding: coding, sarWidth: 1, sarHeight: 1}
	var err error
	switch coding {
	case AVC:
		err = v.readAVC(record)
	case HEVC:
		err = v.readHEVC(record)
	case AV1:
		var c av1.Config
		c, err = av1.ParseConfig(record)
		v.Codec, v.pixelsX, v.pixelsY = c.Codec, c.Sequence.Width, c.Sequence.Height
		v.Width, v.Height = v.pixelsX, v.pixelsY
	default:
		err = fmt.Errorf("no codec %q", coding)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMedia, err)
	}
	v.Record = bytes.Clone(record)
	return v, nil
}

func (v *VideoConfig) readAVC(record []byte) error {
	c, err := avc.ParseConfig(record)
	if err == nil {
		_, err = c.PPS()
	}
	if err != nil {
		return err
	}
	if c.LengthSize == 3 {
		return fmt.Errorf("NAL units with lengths of 3 bytes")
	}
	first := c.SPS[0]
	v.lengthSize, v.Codec = c.LengthSize, fmt.Sprintf("avc1.%02x%02x%02x", first[1], first[2], first[3])
	s, err := avc.ParseSPS(first)
	if err != nil {
		return err
	}
	v.sps = s
	v.pixelsX, v.pixelsY, v.sarWidth, v.sarHeight = s.Width, s.Height, s.SARWidth, s.SARHeight
	v.Width, v.Height = s.Display()
	return nil
}

func (v *VideoConfig) readHEVC(record []byte) error {
	c, err := hevc.ParseConfig(record)
	if err != nil {
		return err
	}
	s, err := hevc.ParseSPS(c.SPS()[0])
	if err != nil {
		return err
	}
	v.lengthSize, v.Codec, v.pixelsX, v.pixelsY = c.LengthSize, c.Codec, s.Width, s.Height
	v.Width, v.Height = s.Width, s.Height
	return nil
}

// IsKey reports whether decoding can begin with an access unit: an IDR picture of H.264, an
// IRAP picture of HEVC, a key frame of AV1 that is shown.
func (v *VideoConfig) IsKey(au []byte) bool {
	switch v.Coding {
	case HEVC:
		c, ok := hevc.Inspect(au, v.lengthSize)
		return ok && c.IRAP
	case AV1:
		c, ok := av1.Inspect(au)
		return ok && c.Key
	}
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

// Captions are the channels of closed captions that an access unit of H.264 has something of;
// in other codecs they are not looked for.
func (v *VideoConfig) Captions(au []byte) avc.Captions {
	if v.Coding != AVC {
		return 0
	}
	return avc.CaptionsOf(au, v.lengthSize)
}

// Common reports pictures that every browser and phone decodes; see avc.SPS.Common.
func (v *VideoConfig) Common() bool { return v.Coding == AVC && v.sps.Common() }

// Interlaced reports that pictures of H.264 may be of two fields.
func (v *VideoConfig) Interlaced() bool { return v.sps.Interlaced }

// Same reports that a configuration record of a codec is the one v was read from; v may be nil.
func (v *VideoConfig) Same(coding Coding, record []byte) bool {
	return v != nil && v.Coding == coding && bytes.Equal(v.Record, record)
}
