package avc

import "github.com/helios-h2020/pse/internal/bits"

// Types of NAL units (H.264 table 7-1), the low five bits of their first byte.
const (
	UnitSlice      = 1 // of a picture that is no IDR picture
	UnitPartitionA = 2 // of a slice whose data is partitioned
	UnitIDR        = 5 // slice of an IDR picture
	UnitSEI        = 6
	UnitSPS        = 7
	UnitPPS        = 8
	UnitDelimiter  = 9
)

// NextUnit cuts the first NAL unit off an access unit, in which each has its length
// before it. ok is false for one that is not whole.
func NextUnit(au []byte, lengthSize int) (unit, rest []byte, ok bool) {
	if len(au) < lengthSize {
		return nil, nil, false
	}
	n := 0
	for _, c := range au[:lengthSize] {
		n = n<<8 | int(c)
	}
	if au = au[lengthSize:]; n > len(au) {
		return nil, nil, false
	}
	return au[:n], au[n:], true
}

// Contents is what NAL units are: an access unit, or a piece of one.
type Contents struct {
	Slices bool // of a picture: what has none is no picture
	IDR    bool // of an IDR picture
	Sets   bool // there are parameter sets
	Begins bool // an access unit begins with the first of them (H.264 7.4.1.2.3), as far as that can be seen
	PPS    int  // id of the set that the first slice names; -1: it cannot be read
}

// Inspect looks into NAL units with their lengths. ok is false if they are not whole.
func Inspect(units []byte, lengthSize int) (c Contents, ok bool) {
	c.PPS = -1
	for first := true; len(units) > 0; {
		unit, rest, ok := NextUnit(units, lengthSize)
		if !ok {
			return c, false
		}
		units = rest
		if len(unit) == 0 {
			continue
		}
		begins := false
		switch typ := unit[0] & 0x1f; typ {
		case UnitSlice, UnitPartitionA, UnitIDR:
			c.IDR = c.IDR || typ == UnitIDR
			if c.Slices && !first {
				break
			}
			mb, pps, ok := sliceHeader(unit)
			begins = mb == 0 || !ok
			if ok && !c.Slices {
				c.PPS = pps
			}
			c.Slices = true
		case UnitSPS, UnitPPS:
			c.Sets, begins = true, true
		case UnitSEI, UnitDelimiter, 14, 15, 16, 17, 18:
			begins = true
		}
		c.Begins = c.Begins || first && begins
		first = false
	}
	return c, true
}

// sliceHeader reads how a slice begins (H.264 7.3.3): its first macroblock, and the
// picture parameter set that it names. ok is false for what is none.
func sliceHeader(unit []byte) (firstMB uint32, pps int, ok bool) {
	// So few bytes that large numbers begin with need no emulation prevention.
	r := bits.NewReader(unit[1:min(len(unit), 12)])
	firstMB = r.UE()
	typ, id := r.UE(), r.UE()
	if r.Short || typ > 9 || id > 255 {
		return 0, 0, false
	}
	return firstMB, int(id), true
}
