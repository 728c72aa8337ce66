package camera

import "time"

// The number strip: 18 blocks from the top left corner, each 1/32 of the width
// wide and 1/36 of the height high. 16 of them are the low bits of the
// picture's number, the highest first, light for 1; then one light and one
// dark block, which tell a reader what light and dark are.
const (
	StripBits    = 16
	StripColumns = 32 // blocks in a full width
	StripRows    = 36 // strips in a full height

	stripBlocks = StripBits + 2
	stripLight  = 205
	stripDark   = 45
)

// NumberPeriod is how many pictures come before the strip's number repeats.
const NumberPeriod = 1 << StripBits

// FrameAt is the number of the newest picture at t.
func FrameAt(t time.Time, fps int) int64 { return t.UnixMilli() * int64(fps) / 1000 }

// TimeOf is when picture n is painted.
func TimeOf(n int64, fps int) time.Time {
	return time.UnixMilli((n*1000 + int64(fps) - 1) / int64(fps))
}

func paintNumber(p *picture, n uint16) {
	left := 0
	for i := range stripBlocks {
		right := (i + 1) * p.w / StripColumns &^ 1
		v := byte(stripDark)
		if i == StripBits || i < StripBits && n>>(StripBits-1-i)&1 == 1 {
			v = stripLight
		}
		p.grey(left, 0, right-left, (p.h/StripRows+1)&^1, v)
		left = right
	}
}
