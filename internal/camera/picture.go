package camera

// plane is one component of a picture, 8 bits a sample.
type plane struct {
	w, h int
	pix  []byte
}

func (p plane) row(y int) []byte { return p.pix[y*p.w : (y+1)*p.w] }

// fill sets a rectangle, cut to the plane.
func (p plane) fill(x, y, w, h int, v byte) {
	from, to := min(max(x, 0), p.w), min(max(x+w, 0), p.w)
	for j := max(y, 0); j < min(y+h, p.h); j++ {
		row := p.row(j)[from:to]
		for i := range row {
			row[i] = v
		}
	}
}

// picture is one frame in yuv420p, limited range, BT.709.
type picture struct {
	w, h    int
	buf     []byte // the planes one after the other, as ffmpeg reads them
	y, u, v plane
}

func newPicture(w, h int) *picture {
	n, c := w*h, w/2*(h/2)
	b := make([]byte, n+2*c)
	return &picture{
		w: w, h: h, buf: b,
		y: plane{w, h, b[:n:n]},
		u: plane{w / 2, h / 2, b[n : n+c : n+c]},
		v: plane{w / 2, h / 2, b[n+c:]},
	}
}

func (p *picture) planes() [3]plane { return [3]plane{p.y, p.u, p.v} }

// grey fills a rectangle with a brightness without colour. Coordinates are even.
func (p *picture) grey(x, y, w, h int, v byte) {
	p.y.fill(x, y, w, h, v)
	p.u.fill(x/2, y/2, w/2, h/2, 128)
	p.v.fill(x/2, y/2, w/2, h/2, 128)
}

// shade darkens a rectangle to a third, so that light text on it can be read.
func (p *picture) shade(x, y, w, h int) {
	from, to := min(max(x, 0), p.w), min(max(x+w, 0), p.w)
	for j := max(y, 0); j < min(y+h, p.h); j++ {
		row := p.y.row(j)[from:to]
		for i, v := range row {
			row[i] = 16 + (v-min(v, 16))/3
		}
	}
}

// colour is linear in R, G and B, each 0 to 1.
type colour struct{ r, g, b float64 }

func (c colour) mix(d colour, t float64) colour {
	return colour{c.r + (d.r-c.r)*t, c.g + (d.g-c.g)*t, c.b + (d.b-c.b)*t}
}

func (c colour) times(f float64) colour { return colour{c.r * f, c.g * f, c.b * f} }

// yuv converts to limited range BT.709.
func (c colour) yuv() (y, u, v byte) {
	l := 0.2126*c.r + 0.7152*c.g + 0.0722*c.b
	return clip(16 + 219*l), clip(128 + 224*(c.b-l)/1.8556), clip(128 + 224*(c.r-l)/1.5748)
}

func clip(f float64) byte { return byte(max(1, min(254, f+0.5))) }

// set paints one sample, and its share of colour when x and y are even.
func (p *picture) set(x, y int, c colour) {
	l, u, v := c.yuv()
	p.y.pix[y*p.w+x] = l
	if x&1 == 0 && y&1 == 0 && x/2 < p.u.w && y/2 < p.u.h {
		i := y/2*p.u.w + x/2
		p.u.pix[i], p.v.pix[i] = u, v
	}
}
