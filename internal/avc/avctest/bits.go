package avctest

// BitWriter writes the bits of a NAL unit, the first the highest of a byte. The zero
// value is empty.
type BitWriter struct {
	b []byte
	n int
}

// Bits writes the n lowest bits of a value: u(n) of H.264 7.2.
func (w *BitWriter) Bits(v uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// UE writes values as Exp-Golomb codes: ue(v) of H.264 9.1.
func (w *BitWriter) UE(values ...uint64) {
	for _, v := range values {
		n := 0
		for (v+1)>>(n+1) > 0 {
			n++
		}
		w.Bits(0, n)
		w.Bits(v+1, n+1)
	}
}

// NAL ends the unit and puts emulation prevention bytes in (H.264 7.4.1).
func (w *BitWriter) NAL() []byte {
	w.Bits(1, 1)
	var out []byte
	zeros := 0
	for _, c := range w.b {
		if zeros >= 2 && c <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; c != 0 {
			zeros = 0
		}
		out = append(out, c)
	}
	return out
}
