package avc

// Types of NAL units (H.264 table 7-1), the low five bits of their first byte.
const (
	UnitSlice = 1 // of a picture that is no IDR picture
	UnitIDR   = 5 // slice of an IDR picture
	UnitSPS   = 7
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
