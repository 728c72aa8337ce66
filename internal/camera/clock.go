package camera

import "time"

// segments lists the lit segments of a digit, bits 0 to 6:
//
//	 0
//	5 1
//	 6
//	4 2
//	 3
var segments = [10]byte{0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f}

// paintClock writes HH:MM:SS.mmm at the bottom left, on a shaded panel.
func paintClock(p *picture, t time.Time) {
	bar := max(p.h/144, 2) // thickness of a segment
	long := bar * 4        // length of a segment
	x, y := p.w/32&^1, p.h-p.h/24-2*long-3*bar
	text := t.Format("15:04:05.000")
	digit, dot := long+3*bar, 2*bar
	p.shade(x-2*bar, y-2*bar, 9*digit+3*dot+3*bar, 2*long+7*bar)
	for _, c := range text {
		if c < '0' || c > '9' {
			if c == ':' {
				p.y.fill(x, y+long/2+bar, bar, bar, 225)
			}
			p.y.fill(x, y+3*long/2+2*bar, bar, bar, 225)
			x += dot
			continue
		}
		paintDigit(p.y, x, y, bar, long, segments[c-'0'])
		x += digit
	}
}

func paintDigit(p plane, x, y, bar, long int, lit byte) {
	side := long + bar
	for i, s := range [7][4]int{
		{bar, 0, long, bar},
		{side, bar, bar, long},
		{side, side + bar, bar, long},
		{bar, 2 * side, long, bar},
		{0, side + bar, bar, long},
		{0, bar, bar, long},
		{bar, side, long, bar},
	} {
		if lit>>i&1 == 1 {
			p.fill(x+s[0], y+s[1], s[2], s[3], 225)
		}
	}
}
