package avc

import "bytes"

// Some encoders send NAL units as files have them (H.264 annex B): with start codes
// between them in place of lengths, or with the length of the whole before the first
// and start codes before the others. Within a unit there can be no start code:
// emulation prevention sees to that.

// StartsAsAnnexB says whether bytes begin with a start code and a NAL unit.
func StartsAsAnnexB(b []byte) bool {
	i := startCode(b[:min(len(b), 5)])
	return i == 0 || i == 1 && b[0] == 0
}

// trimStartCodes cuts off the start codes that units begin with, and says whether there were any.
func trimStartCodes(units [][]byte) (trimmed bool) {
	for i, u := range units {
		if StartsAsAnnexB(u) {
			units[i], trimmed = u[startCode(u)+3:], true
		}
	}
	return trimmed
}

// AppendLengths appends NAL units that came with start codes, or with both, each with a
// length of lengthSize bytes before it. changed is false, and nothing appended, if
// they came with lengths alone; ok is false for what is neither.
func AppendLengths(dst, units []byte, lengthSize int) (out []byte, changed, ok bool) {
	whole, clean := true, true
	for b := units; len(b) > 0 && whole; {
		var unit []byte
		unit, b, whole = NextUnit(b, lengthSize)
		clean = clean && startCode(unit) < 0
	}
	switch {
	case whole && clean:
		return dst, false, true
	case !whole && !StartsAsAnnexB(units):
		return dst, false, false
	case !whole:
		out, ok = appendUnits(dst, units, lengthSize)
		return out, true, ok
	}
	for len(units) > 0 {
		var unit []byte
		unit, units, _ = NextUnit(units, lengthSize)
		if dst, ok = appendUnits(dst, unit, lengthSize); !ok {
			return dst, true, false
		}
	}
	return dst, true, true
}

// appendUnits appends the units that start codes stand between, with their lengths.
func appendUnits(dst, b []byte, lengthSize int) (out []byte, ok bool) {
	for len(b) > 0 {
		unit := b
		if i := startCode(b); i >= 0 {
			unit, b = b[:i], b[i+3:]
			unit = bytes.TrimRight(unit, "\x00") // a longer start code, and trailing zeros
		} else {
			b = nil
		}
		if len(unit) == 0 {
			continue
		}
		if len(unit)>>(8*lengthSize) != 0 {
			return dst, false
		}
		for i := lengthSize - 1; i >= 0; i-- {
			dst = append(dst, byte(len(unit)>>(8*i)))
		}
		dst = append(dst, unit...)
	}
	return dst, true
}

// startCode is where the first start code is that a NAL unit can follow, -1 if there
// is none. The ones are looked for, since they are rare.
func startCode(b []byte) int {
	for at := 2; at < len(b); at++ {
		i := bytes.IndexByte(b[at:], 1)
		if i < 0 {
			return -1
		}
		at += i
		if b[at-1] == 0 && b[at-2] == 0 && at+1 < len(b) && isHeader(b[at+1]) {
			return at - 2
		}
	}
	return -1
}

// isHeader says whether a byte can be the first of a NAL unit that streams have: what is
// referred to and what is not follows from most types (H.264 7.4.1). Others are
// taken for bytes of a unit whose encoder forgot emulation prevention.
func isHeader(c byte) bool {
	refers := c&0x60 != 0
	switch c & 0x9f {
	case UnitSlice, UnitPartitionA, 3, 4:
		return true
	case UnitIDR, UnitSPS, UnitPPS:
		return refers
	case UnitSEI, UnitDelimiter, 10, 11, 12:
		return !refers
	}
	return false
}
