package camera

// layer is a picture wider than the screen that scrolls past and joins its own
// end. It is opaque below a skyline and clear above it. Scrolling is a copy of
// memory, a row at a time, which is what makes painting cheap.
type layer struct {
	planes [3]plane
	spans  [3][][]span // per plane and row: where it is opaque
	rows   [3]int      // rows to paint; what is below is hidden by the layer in front
}

type span struct{ from, to int }

// newLayer keeps the skyline of pano: column x is opaque from row top(x) on.
// Rows from hidden on are not painted.
func newLayer(pano *picture, top func(x int) int, hidden int) *layer {
	l := &layer{planes: pano.planes()}
	for i, p := range l.planes {
		scale := pano.w / p.w
		l.spans[i] = make([][]span, p.h)
		l.rows[i] = min((hidden+scale-1)/scale, p.h)
		for y := range l.rows[i] {
			var s []span
			for x, open := 0, false; x < p.w; x++ {
				opaque := top(x*scale) <= y*scale
				switch {
				case opaque && !open:
					s = append(s, span{x, x + 1})
				case opaque:
					s[len(s)-1].to = x + 1
				}
				open = opaque
			}
			l.spans[i][y] = s
		}
	}
	return l
}

// paint draws the layer with its column offset at the left edge of dst.
func (l *layer) paint(dst *picture, offset int) {
	for i, d := range dst.planes() {
		src := l.planes[i]
		off := offset * src.w / l.planes[0].w % src.w
		for y := range l.rows[i] {
			from, to := src.row(y), d.row(y)
			for _, s := range l.spans[i][y] {
				copySpan(to, from, span{s.from - off, s.to - off}, off)
				copySpan(to, from, span{s.from - off + src.w, s.to - off + src.w}, off-src.w)
			}
		}
	}
}

// copySpan copies what of s, in columns of to, is on the screen; off leads back to from.
func copySpan(to, from []byte, s span, off int) {
	a, b := max(s.from, 0), min(s.to, len(to))
	if a < b {
		copy(to[a:b], from[a+off:b+off])
	}
}
