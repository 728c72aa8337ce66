package camera

import "time"

// The number strip: 18 blocks from the top left corner, each 1/32 of the width
// wide and 1/36 of the height high. 16 of them are the low bits of the
// picture's number, the highest first, light for 1; then one light and one
// dark block, which tell a reader what light and dark are.
const (
	stripBits    = 16
	stripBlocks  = stripBits + 2
	stripColumns = 32 // blocks in a full width
	stripRows    = 36 // strips in a full height
	stripLight   = 205
	stripDark    = 45
)

// NumberPeriod is how many pictures come before the strip's number repeats.
const NumberPeriod = 1 << stripBits

// FrameAt is the number of the newest picture at t.
func FrameAt(t time.Time, fps int) int64 { return t.UnixMilli() * int64(fps) / 1000 }

// TimeOf is when picture n is painted.
func TimeOf(n int64, fps int) time.Time {
	return time.UnixMilli((n*1000 + int64(fps) - 1) / int64(fps))
}

func paintNumber(p *picture, n uint16) {
	left := 0
	for i := range stripBlocks {
		right := (i + 1) * p.w / stripColumns &^ 1
		v := byte(stripDark)
		if i == stripBits || i < stripBits && n>>(stripBits-1-i)&1 == 1 {
			v = stripLight
		}
		p.grey(left, 0, right-left, (p.h/stripRows+1)&^1, v)
		left = right
	}
}

// ReadNumber reads the strip of a picture's luma plane of w x h samples, or of
// the plane's upper rows. It is false when there is no strip.
func ReadNumber(luma []byte, w, h int) (n uint16, ok bool) {
	y := h / stripRows / 2
	if len(luma) < (y+1)*w || w < stripColumns*2 {
		return 0, false
	}
	row := luma[y*w : (y+1)*w]
	at := func(i int) int { return int(row[(2*i+1)*w/(2*stripColumns)]) }
	light, dark := at(stripBits), at(stripBits+1)
	if light-dark < 60 {
		return 0, false
	}
	for i := range stripBits {
		n <<= 1
		if at(i) > (light+dark)/2 {
			n |= 1
		}
	}
	return n, true
}
