package cmaf

import (
	"bytes"
	"fmt"
)

// VideoConfig is a video track's AVCDecoderConfigurationRecord and what it says. It does not change.
type VideoConfig struct {
	Record        []byte // as it came, for avcC and FLV
	lengthSize    int    // bytes of a NAL unit's length prefix
	Codec         string // RFC 6381: avc1.PPCCLL
	sps           sps
	Width, Height int // as displayed
}

// ParseVideoConfig reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15
// 5.3.3.1), of which it keeps a copy. What is malformed, or has pictures of
// more than 8192 pixels a side, is ErrMedia.
func ParseVideoConfig(record []byte) (*VideoConfig, error) {
	if len(record) < 7 || record[0] != 1 {
		return nil, fmt.Errorf("%w: not an AVC configuration", ErrMedia)
	}
	v := &VideoConfig{Record: bytes.Clone(record), lengthSize: int(record[4]&3) + 1}
	if v.lengthSize == 3 {
		return nil, fmt.Errorf("%w: NAL units with lengths of 3 bytes", ErrMedia)
	}
	first, rest, err := nalSets(record[5]&0x1f, record[6:])
	if err != nil {
		return nil, err
	}
	if len(rest) < 1 {
		return nil, fmt.Errorf("%w: an AVC configuration without picture parameter sets", ErrMedia)
	}
	if _, _, err = nalSets(rest[0], rest[1:]); err != nil {
		return nil, err
	}
	if v.sps, err = parseSPS(first); err != nil {
		return nil, err
	}
	v.Width, v.Height = v.sps.display()
	v.Codec = fmt.Sprintf("avc1.%02x%02x%02x", first[1], first[2], first[3])
	return v, nil
}

// nalSets reads n parameter sets; first is the first of them. There must be one.
func nalSets(n byte, b []byte) (first, rest []byte, err error) {
	for i := range int(n) {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("%w: an AVC configuration cut short", ErrMedia)
		}
		l := int(b[0])<<8 | int(b[1])
		if len(b) < 2+l {
			return nil, nil, fmt.Errorf("%w: an AVC configuration cut short", ErrMedia)
		}
		if i == 0 {
			first = b[2 : 2+l]
		}
		b = b[2+l:]
	}
	if len(first) == 0 {
		return nil, nil, fmt.Errorf("%w: an AVC configuration without parameter sets", ErrMedia)
	}
	return first, b, nil
}

// IsIDR reports whether an access unit of length-prefixed NAL units has an IDR picture.
func (v *VideoConfig) IsIDR(au []byte) bool {
	for len(au) > v.lengthSize {
		n := 0
		for _, c := range au[:v.lengthSize] {
			n = n<<8 | int(c)
		}
		au = au[v.lengthSize:]
		if n <= 0 || n > len(au) {
			return false
		}
		switch au[0] & 0x1f {
		case 5:
			return true
		case 1:
			return false
		}
		au = au[n:]
	}
	return false
}

// Same reports that a configuration record is the one v was read from; v may be nil.
func (v *VideoConfig) Same(record []byte) bool { return v != nil && bytes.Equal(v.Record, record) }
