package cmaf

import "encoding/binary"

// boxWriter appends ISO base media boxes (ISO/IEC 14496-12) to b.
type boxWriter struct{ b []byte }

// box writes a box whose content is what f writes.
func (w *boxWriter) box(kind string, f func()) {
	at := len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	w.b = append(w.b, kind...)
	f()
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

// full writes a box with version and flags.
func (w *boxWriter) full(kind string, version byte, flags uint32, f func()) {
	w.box(kind, func() {
		w.u32(uint32(version)<<24 | flags)
		f()
	})
}

func (w *boxWriter) u8(v ...byte)           { w.b = append(w.b, v...) }
func (w *boxWriter) str(s string)           { w.b = append(w.b, s...) }
func (w *boxWriter) zeros(n int)            { w.b = append(w.b, make([]byte, n)...) }
func (w *boxWriter) u64(v uint64)           { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *boxWriter) matrix()                { w.u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000) }
func (w *boxWriter) patch(at int, v uint32) { binary.BigEndian.PutUint32(w.b[at:], v) }

func (w *boxWriter) u16(v ...uint16) {
	for _, x := range v {
		w.b = binary.BigEndian.AppendUint16(w.b, x)
	}
}

func (w *boxWriter) u32(v ...uint32) {
	for _, x := range v {
		w.b = binary.BigEndian.AppendUint32(w.b, x)
	}
}
