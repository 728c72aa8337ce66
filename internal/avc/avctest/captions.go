package avctest

import "math/bits"

// Captions is an SEI NAL unit that carries pairs of bytes of CEA-608 in field 1, and
// in field 2 silence, as of one picture (ATSC A/53 part 4, 6.2.3).
func Captions(pairs ...[2]byte) []byte {
	data := []byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte(len(pairs)+1), 0xff}
	for _, p := range pairs {
		data = append(data, 0xfc, p[0], p[1])
	}
	data = append(data, 0xfd, 0x80, 0x80, 0xff)
	var w BitWriter
	for _, b := range append([]byte{6, 4, byte(len(data))}, data...) {
		w.Bits(uint64(b), 8)
	}
	return w.NAL()
}

// RollUp is the pairs of bytes, one a picture, that show a text at the foot of the
// picture on CC1 (CEA-608 8.4.2): commands come twice.
func RollUp(text string) (pairs [][2]byte) {
	for _, command := range [][2]byte{{0x14, 0x25}, {0x14, 0x2d}, {0x14, 0x70}} { // two lines, a new one, from its left
		pairs = append(pairs, odd(command), odd(command))
	}
	if len(text)%2 == 1 {
		text += " "
	}
	for i := 0; i < len(text); i += 2 {
		pairs = append(pairs, odd([2]byte{text[i], text[i+1]}))
	}
	return pairs
}

// odd gives bytes their odd parity.
func odd(p [2]byte) [2]byte {
	for i, b := range p {
		p[i] = b | byte(1^bits.OnesCount8(b)&1)<<7
	}
	return p
}
