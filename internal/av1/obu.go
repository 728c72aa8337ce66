package av1

// Types of OBUs (AV1 Bitstream & Decoding Process Specification, 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuFrame             = 6
)

// Contents is what a temporal unit is.
type Contents struct {
	Frames bool // it has pictures
	Key    bool // decoding can begin with it: a sequence header, and a key frame that is shown

	Header   bool     // there is a sequence header
	Sequence Sequence // of the one of the largest pictures
	Err      error    // what is wrong with the first that is none
}

// nextOBU cuts the first OBU off (5.3). size is that of all of it.
func nextOBU(b []byte) (kind byte, payload []byte, size int, ok bool) {
	if len(b) < 1 || b[0]&0x80 != 0 {
		return 0, nil, 0, false
	}
	at := 1 + int(b[0]>>2&1) // with its extension
	n := len(b) - at
	if b[0]&2 != 0 {
		v := uint64(0)
		for i := range 8 { // leb128 (4.10.5)
			if at >= len(b) {
				return 0, nil, 0, false
			}
			c := b[at]
			at++
			v |= uint64(c&0x7f) << (7 * i)
			if c&0x80 == 0 {
				break
			}
		}
		if v > uint64(len(b)-at) {
			return 0, nil, 0, false
		}
		n = int(v)
	}
	if n < 0 {
		return 0, nil, 0, false
	}
	return b[0] >> 3 & 0xf, b[at : at+n], at + n, true
}

// Inspect looks into the OBUs of a temporal unit. ok is false if they are not whole.
func Inspect(unit []byte) (c Contents, ok bool) {
	for len(unit) > 0 {
		kind, payload, size, ok := nextOBU(unit)
		if !ok {
			return c, false
		}
		switch unit = unit[size:]; kind {
		case obuSequenceHeader:
			s, err := ParseSequence(payload)
			if c.Err == nil {
				c.Err = err
			}
			if c.Header = true; s.Width*s.Height > c.Sequence.Width*c.Sequence.Height {
				c.Sequence = s
			}
		case obuFrameHeader, obuFrame:
			if len(payload) > 0 && !c.Frames { // show_existing_frame, frame_type, show_frame (5.9.2)
				c.Key = c.Header && payload[0]&0xf0 == 0x10
			}
			c.Frames = true
		}
	}
	return c, true
}

// TrimDelimiter cuts off the temporal delimiter that a unit may begin with: in MP4 there is none.
func TrimDelimiter(unit []byte) []byte {
	if kind, _, size, ok := nextOBU(unit); ok && kind == obuTemporalDelimiter {
		return unit[size:]
	}
	return unit
}
