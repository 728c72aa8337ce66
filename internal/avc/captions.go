package avc

import (
	"bytes"
	"strconv"

	"github.com/helios-h2020/pse/internal/bits"
)

// Captions is the channels of closed captions that pictures carry in SEI messages
// (ATSC A/53 part 4, 6.2.3): bits 0 to 3 are those of CEA-608, CC1 to CC4, bit 3 + n
// is service n of CEA-708.
type Captions uint16

// services is where the bits of CEA-708 begin, of which there are so many.
const (
	services    = 4
	serviceMost = 6 // those with a short header
)

// userData is what a message with captions begins with: country and provider
// (ITU-T T.35), and what it holds.
var userData = []byte{0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 0x03}

// CaptionsOf finds the channels that an access unit has something of. CC1 counts
// also while it is silent: who sends it will say something. The others count by
// what begins a caption.
func CaptionsOf(au []byte, lengthSize int) (c Captions) {
	for len(au) > 0 {
		unit, rest, ok := NextUnit(au, lengthSize)
		if !ok || len(unit) > 0 && (unit[0]&0x1f == UnitSlice || unit[0]&0x1f == UnitIDR) {
			break // SEI comes before the slices (H.264 7.4.1.2.3)
		}
		if len(unit) > 1 && unit[0]&0x1f == UnitSEI && bytes.Contains(unit, userData[3:7]) {
			c |= captionsOfSEI(bits.RBSP(unit[1:]))
		}
		au = rest
	}
	return c
}

// captionsOfSEI reads the messages of an SEI (H.264 7.3.2.3.1).
func captionsOfSEI(b []byte) (c Captions) {
	for len(b) > 2 {
		typ, rest, _ := seiNumber(b)
		size, rest, ok := seiNumber(rest)
		if !ok || size > len(rest) {
			break
		}
		if m := rest[:size]; typ == 4 && bytes.HasPrefix(m, userData) {
			c |= captionsOfData(m[len(userData):])
		}
		b = rest[size:]
	}
	return c
}

// seiNumber reads a type or a size: bytes of 255, and one that is less.
func seiNumber(b []byte) (n int, rest []byte, ok bool) {
	for i, x := range b {
		n += int(x)
		if x != 0xff {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// captionsOfData reads cc_data (ATSC A/53 part 4, table 6.10).
func captionsOfData(b []byte) (c Captions) {
	if len(b) < 2 || b[0]&0x40 == 0 {
		return 0
	}
	n := int(b[0] & 0x1f)
	for b = b[2:]; n > 0 && len(b) >= 3; n, b = n-1, b[3:] {
		if b[0]&4 == 0 {
			continue // not valid
		}
		switch kind := b[0] & 3; kind {
		case 0, 1:
			if kind == 0 {
				c |= 1
			}
			c |= channel608(int(kind), b[1]&0x7f, b[2]&0x7f)
		case 3: // a packet begins, and the header of its first block is the second byte
			if s := b[2] >> 5; s >= 1 && s <= serviceMost && b[2]&0x1f > 0 {
				c |= 1 << (services + s - 1)
			}
		}
	}
	return c
}

// channel608 is the channel of a field (0 or 1) that a pair of bytes begins a
// caption on: to be shown at once, line by line, or as it comes (CEA-608 8.4.2).
func channel608(field int, a, b byte) Captions {
	if a&^9 != 0x14 || b != 0x20 && b != 0x29 && (b < 0x25 || b > 0x27) {
		return 0
	}
	return 1 << (2*field + int(a>>3&1))
}

// Names are the channels as HLS calls them (RFC 8216bis 4.4.6.1, INSTREAM-ID): of
// CEA-608, and where there are none those of CEA-708, which repeat them else.
func (c Captions) Names() (all []string) {
	prefix, first, count := "CC", 0, services
	if c&(1<<services-1) == 0 {
		prefix, first, count = "SERVICE", services, serviceMost
	}
	for n := range count {
		if c>>(first+n)&1 == 1 {
			all = append(all, prefix+strconv.Itoa(n+1))
		}
	}
	return all
}
