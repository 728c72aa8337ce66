// Package hevc reads what HEVC streams say of themselves in the form of MP4 and
// Enhanced RTMP (ISO/IEC 14496-15): the decoder's configuration, the size of its
// pictures, and what NAL units of access units are. It comes from strangers, so every
// length is checked, and nothing that is read costs more memory than the bytes it came
// in. The checker of HLS has readers of its own
// (docs/decisions/0013-a-checker-that-shares-no-code.md).
package hevc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// ErrConfig says that bytes are no configuration or parameter set.
var ErrConfig = errors.New("malformed HEVC configuration")

// Config is an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 8.3.3.1). What is in it
// points into the bytes it was read from.
type Config struct {
	LengthSize int    // bytes of a NAL unit's length: 1, 2 or 4
	Codec      string // RFC 6381, with hvc1
	Sets              // one at least of each kind
}

// mostSets is how many parameter sets a configuration may have.
const mostSets = 64

// ParseConfig reads a configuration. What is malformed, or has not all three kinds of
// parameter sets, which hvc1 asks for, is ErrConfig.
func ParseConfig(record []byte) (Config, error) {
	const head = 23 // bytes before the arrays
	if len(record) < head || record[0] != 1 {
		return Config{}, fmt.Errorf("%w: not an HEVC configuration", ErrConfig)
	}
	c := Config{LengthSize: int(record[21]&3) + 1, Codec: codec(record[1:13])}
	if c.LengthSize == 3 {
		return Config{}, fmt.Errorf("%w: NAL units with lengths of 3 bytes", ErrConfig)
	}
	n, b := 0, record[head:]
	for range record[22] {
		if len(b) < 3 {
			return Config{}, fmt.Errorf("%w: cut short", ErrConfig)
		}
		kind, count := b[0]&0x3f, int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range count {
			if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
				return Config{}, fmt.Errorf("%w: cut short", ErrConfig)
			}
			if n++; n > mostSets {
				return Config{}, fmt.Errorf("%w: more than %d parameter sets", ErrConfig, mostSets)
			}
			nal := b[2 : 2+int(binary.BigEndian.Uint16(b))]
			b = b[2+len(nal):]
			if len(nal) < 2 || nal[0]>>1&0x3f != kind {
				return Config{}, fmt.Errorf("%w: a parameter set of another kind than is said", ErrConfig)
			}
			if i := int(kind) - UnitVPS; i >= 0 && i < len(c.Sets) {
				c.Sets[i] = append(c.Sets[i], nal)
			}
		}
	}
	if !c.Whole() {
		return Config{}, fmt.Errorf("%w: without parameter sets", ErrConfig)
	}
	return c, nil
}

// Record makes a configuration of parameter sets, of which there has to be one of each
// kind: what it says by itself is what the first of the sequence says. An error is ErrConfig.
func (s *Sets) Record(lengthSize int) ([]byte, error) {
	p, err := ParseSPS(s.SPS()[0])
	if err != nil {
		return nil, err
	}
	b := append([]byte{1}, p.profile[:]...)
	b = append(b, 0xf0, 0, 0xfc, 0xfc|p.chroma, 0xf8|p.depthLuma, 0xf8|p.depthChroma, 0, 0, byte(lengthSize-1)|1<<3|4, byte(len(s)))
	for i, kind := range s {
		b = append(b, 0x80|byte(UnitVPS+i), 0, byte(len(kind)))
		for _, nal := range kind {
			if len(nal) > 0xffff {
				return nil, fmt.Errorf("%w: a parameter set of %d bytes", ErrConfig, len(nal))
			}
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(nal))), nal...)
		}
	}
	return b, nil
}

// codec is the name by RFC 6381 of the twelve bytes of a profile, tier and level
// (ISO/IEC 14496-15 E.3).
func codec(p []byte) string {
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := p[0] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	tier := byte('L')
	if p[0]&0x20 != 0 {
		tier = 'H'
	}
	fmt.Fprintf(&b, "%d.%X.%c%d", p[0]&0x1f, bits.Reverse32(binary.BigEndian.Uint32(p[1:])), tier, p[11])
	constraints := p[5:11]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}
