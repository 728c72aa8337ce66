// Package bits reads codecs' configurations, which are made of bits.
package bits

// Reader reads the bits of bytes, the highest of each first. Reading past the end
// gives zeros and sets Short.
type Reader struct {
	Short bool // there were not as many bits as were read
	b     []byte
	pos   int // in bits
}

// NewReader reads b, which it keeps.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// RBSP removes the emulation prevention bytes of a NAL unit (H.264 7.4.1).
func RBSP(nal []byte) []byte {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}

// Bit reads one.
func (r *Reader) Bit() uint32 {
	if r.pos >= 8*len(r.b) {
		r.Short = true
		return 0
	}
	v := r.b[r.pos/8] >> (7 - r.pos%8) & 1
	r.pos++
	return uint32(v)
}

// Bits reads n <= 32 bits.
func (r *Reader) Bits(n int) uint32 {
	var v uint32
	for range n {
		v = v<<1 | r.Bit()
	}
	return v
}

// UE reads an Exp-Golomb number (H.264 9.1).
func (r *Reader) UE() uint32 {
	zeros := 0
	for r.Bit() == 0 {
		if zeros++; zeros > 31 || r.Short {
			r.Short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.Bits(zeros)
}

// SE reads a signed Exp-Golomb number (H.264 9.1.1).
func (r *Reader) SE() int32 {
	v := r.UE()
	if v&1 == 1 {
		return int32(v/2) + 1
	}
	return -int32(v / 2)
}
