// Package avc reads what H.264 streams say of themselves in the form of MP4 and FLV
// (ISO/IEC 14496-15): the decoder's configuration, its parameter sets, and the NAL
// units of access units. It comes from strangers, so every length is checked, and
// nothing that is read costs more memory than the bytes it came in. The checker of
// HLS has readers of its own (docs/decisions/0013-a-checker-that-shares-no-code.md).
package avc

import (
	"errors"
	"fmt"
)

// ErrConfig says that bytes are no configuration or parameter set.
var ErrConfig = errors.New("malformed H.264 configuration")

// ErrNoSets says that a configuration is whole, and has not both kinds of parameter
// sets: some encoders send one before they know them. It is an ErrConfig too.
var ErrNoSets = fmt.Errorf("%w: without parameter sets", ErrConfig)

// Config is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1). What is in
// it points into the bytes it was read from.
type Config struct {
	LengthSize int      // bytes of a NAL unit's length, 1 to 4
	SPS        [][]byte // NAL units of sequence parameter sets: one at least, each of 4 bytes at least
	StartCodes bool     // there are start codes before them, which do not belong there; SPS and PPS have none
	rest       []byte   // from the number of picture parameter sets on
}

// ParseConfig reads a configuration up to its picture parameter sets. What is
// malformed is ErrConfig, what has no sequence parameter set ErrNoSets.
func ParseConfig(record []byte) (Config, error) {
	if len(record) == 0 || len(record) >= 6 && record[0] == 1 && record[5]&0x1f == 0 {
		return Config{}, ErrNoSets
	}
	if len(record) < 7 || record[0] != 1 {
		return Config{}, fmt.Errorf("%w: not an AVC configuration", ErrConfig)
	}
	sps, rest, err := sets(record[5]&0x1f, record[6:])
	if err != nil {
		return Config{}, err
	}
	startCodes := trimStartCodes(sps)
	for _, s := range sps {
		if len(s) < 4 || s[0]&0x1f != UnitSPS {
			return Config{}, fmt.Errorf("%w: not a sequence parameter set", ErrConfig)
		}
	}
	return Config{LengthSize: int(record[4]&3) + 1, SPS: sps, StartCodes: startCodes, rest: rest}, nil
}

// PPS are the NAL units of its picture parameter sets: one at least, else ErrNoSets.
func (c Config) PPS() ([][]byte, error) {
	if len(c.rest) < 1 {
		return nil, fmt.Errorf("%w: an AVC configuration without picture parameter sets", ErrConfig)
	}
	if c.rest[0] == 0 {
		return nil, ErrNoSets
	}
	pps, _, err := sets(c.rest[0], c.rest[1:])
	trimStartCodes(pps)
	return pps, err
}

// sets reads n parameter sets with their lengths. There must be one, and the first
// may not be empty.
func sets(n byte, b []byte) (all [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("%w: an AVC configuration cut short", ErrConfig)
		}
		l := int(b[0])<<8 | int(b[1])
		if len(b) < 2+l {
			return nil, nil, fmt.Errorf("%w: an AVC configuration cut short", ErrConfig)
		}
		all, b = append(all, b[2:2+l]), b[2+l:]
	}
	if len(all) == 0 || len(all[0]) == 0 {
		return nil, nil, fmt.Errorf("%w: an AVC configuration without parameter sets", ErrConfig)
	}
	return all, b, nil
}
