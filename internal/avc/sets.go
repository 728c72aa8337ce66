package avc

import (
	"bytes"
	"fmt"

	"github.com/helios-h2020/pse/internal/bits"
)

// Limits of the parameter sets of a stream. Those of encoders have some 30 bytes.
const (
	maxSetBytes  = 4 << 10
	maxSetsBytes = 32 << 10
)

// Sets are the parameter sets that a stream was told of, the newest of each id. What
// it holds is bounded. The zero value has none.
type Sets struct {
	sps, pps []parameterSet
	bytes    int
}

type parameterSet struct {
	id, refers int // refers: of a picture parameter set, to this sequence parameter set
	nal        []byte
}

// Add takes the NAL unit of a sequence or picture parameter set in, which it copies,
// and says whether it is news. What is malformed or over the limits is ErrConfig.
func (s *Sets) Add(nal []byte) (changed bool, err error) {
	n, err := readSet(nal)
	if err != nil {
		return false, err
	}
	kind := &s.pps
	if nal[0]&0x1f == UnitSPS {
		kind = &s.sps
	}
	for i := range *kind {
		if old := &(*kind)[i]; old.id == n.id {
			if bytes.Equal(old.nal, nal) {
				return false, nil
			}
			if s.bytes+len(nal)-len(old.nal) > maxSetsBytes {
				break
			}
			s.bytes += len(nal) - len(old.nal)
			old.nal, old.refers = bytes.Clone(nal), n.refers
			return true, nil
		}
	}
	if s.bytes+len(nal) > maxSetsBytes || len(s.sps) == 31 && kind == &s.sps || len(s.pps) == 255 && kind == &s.pps { // what a record can count
		return false, fmt.Errorf("%w: too many parameter sets", ErrConfig)
	}
	s.bytes += len(nal)
	n.nal = bytes.Clone(nal)
	*kind = append(*kind, n)
	return true, nil
}

// Has says whether a NAL unit is among the sets as it is.
func (s *Sets) Has(nal []byte) bool {
	for _, kind := range [][]parameterSet{s.sps, s.pps} {
		for i := range kind {
			if bytes.Equal(kind[i].nal, nal) {
				return true
			}
		}
	}
	return false
}

// readSet reads the ids that a parameter set begins with (H.264 7.3.2.1.1, 7.3.2.2).
func readSet(nal []byte) (n parameterSet, err error) {
	if len(nal) < 2 || len(nal) > maxSetBytes {
		return n, fmt.Errorf("%w: a parameter set of %d bytes", ErrConfig, len(nal))
	}
	r := bits.NewReader(nal[1:])
	switch nal[0] & 0x1f {
	case UnitSPS:
		r.Bits(24) // profile, constraints, level
		n.id = int(r.UE())
	case UnitPPS:
		n.id = int(r.UE())
		n.refers = int(r.UE())
	default:
		return n, fmt.Errorf("%w: not a parameter set", ErrConfig)
	}
	if r.Short || n.id > 255 || n.refers > 31 || nal[0]&0x1f == UnitSPS && n.id > 31 {
		return n, fmt.Errorf("%w: a parameter set without an id", ErrConfig)
	}
	return n, nil
}

// Active is the sequence parameter set of pictures that name the picture parameter
// set pps; if that is not known, the first there is. It is nil without both kinds of sets.
func (s *Sets) Active(pps int) []byte {
	if len(s.sps) == 0 || len(s.pps) == 0 {
		return nil
	}
	for _, p := range s.pps {
		if p.id != pps {
			continue
		}
		for _, n := range s.sps {
			if n.id == p.refers {
				return n.nal
			}
		}
	}
	return s.sps[0].nal
}

// Record is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1) of all sets,
// of which active comes first: what Active gave.
func (s *Sets) Record(lengthSize int, active []byte) []byte {
	b := []byte{1, active[1], active[2], active[3], 0xfc | byte(lengthSize-1), 0xe0 | byte(len(s.sps))}
	b = appendSet(b, active)
	for _, n := range s.sps {
		if !bytes.Equal(n.nal, active) {
			b = appendSet(b, n.nal)
		}
	}
	b = append(b, byte(len(s.pps)))
	for _, n := range s.pps {
		b = appendSet(b, n.nal)
	}
	switch active[1] {
	case 66, 77, 88:
		return b
	}
	if p, err := ParseSPS(active); err == nil {
		b = append(b, 0xfc|byte(p.Chroma)&3, 0xf8|byte(p.DepthLuma-8)&7, 0xf8|byte(p.DepthChroma-8)&7, 0)
	}
	return b
}

func appendSet(b, nal []byte) []byte {
	return append(append(b, byte(len(nal)>>8), byte(len(nal))), nal...)
}
