package camera

// Numbered is the luma plane of a picture with only a number in it.
func Numbered(w, h int, n uint16) []byte {
	p := newPicture(w, h)
	paintNumber(p, n)
	return p.y.pix
}
