package hevc

import "github.com/helios-h2020/pse/internal/avc"

// Types of NAL units (H.265 table 7-1).
const (
	unitFirstIRAP = 16 // of a picture that decoding can begin with...
	unitLastIRAP  = 23
	unitLastSlice = 31 // the last of those of pictures
	UnitVPS       = 32
	UnitSPS       = 33
	UnitPPS       = 34
)

// Contents is what the NAL units of an access unit are.
type Contents struct {
	Slices bool // of a picture: what has none is no picture
	IRAP   bool // decoding can begin with it
	Sets   bool // there are parameter sets
}

// Inspect looks into NAL units with their lengths. ok is false if they are not whole.
func Inspect(units []byte, lengthSize int) (c Contents, ok bool) {
	for len(units) > 0 {
		unit, rest, ok := avc.NextUnit(units, lengthSize)
		if !ok {
			return c, false
		}
		units = rest
		if len(unit) < 2 {
			continue
		}
		switch kind := unit[0] >> 1 & 0x3f; {
		case kind <= unitLastSlice:
			c.IRAP = c.IRAP || !c.Slices && kind >= unitFirstIRAP && kind <= unitLastIRAP
			c.Slices = true
		case kind >= UnitVPS && kind <= UnitPPS:
			c.Sets = true
		}
	}
	return c, true
}

// Sets are NAL units of parameter sets: of videos, sequences and pictures.
type Sets [3][][]byte

// SetsOf are those among NAL units with their lengths, which are whole; not more of a kind than a
// configuration may have.
func SetsOf(units []byte, lengthSize int) (s Sets) {
	for len(units) > 0 {
		var unit []byte
		if unit, units, _ = avc.NextUnit(units, lengthSize); len(unit) < 2 {
			continue
		}
		if kind := int(unit[0]>>1&0x3f) - UnitVPS; kind >= 0 && kind < len(s) && len(s[kind]) < mostSets/len(s) {
			s[kind] = append(s[kind], unit)
		}
	}
	return s
}

// SPS are those of sequences.
func (s *Sets) SPS() [][]byte { return s[UnitSPS-UnitVPS] }

// Whole says whether there is one of each kind.
func (s *Sets) Whole() bool { return len(s[0]) > 0 && len(s[1]) > 0 && len(s[2]) > 0 }
