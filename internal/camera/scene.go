package camera

import (
	"math"
	"time"
)

// scene paints the pictures of a stream: sky, far and near hills that drift by
// at different speeds, a bouncing ball, the clock and the number strip. What is
// painted depends on the picture's number and nothing else.
type scene struct {
	fps            int
	pic            *picture
	sky, far, near *layer
	grain          []byte // added to the luma, wrapping; nil: none
}

func newScene(w, h, fps int, grain bool) *scene {
	far := skyline(w*2, float64(h)*0.52, float64(h)*0.09, 0)
	near := skyline(w*2, float64(h)*0.74, float64(h)*0.07, 2)
	s := &scene{fps: fps, pic: newPicture(w, h)}
	s.sky = newLayer(paintSky(w*2, h), func(int) int { return 0 }, lowest(far))
	s.far = newLayer(paintHills(far, h, colour{.36, .52, .55}, colour{.45, .62, .48}), func(x int) int { return far[x] }, lowest(near))
	if grain {
		s.grain = make([]byte, w*h+grainShift)
		for i := range s.grain {
			s.grain[i] = byte(int((noise(i, 1, 0) + noise(i, 2, 0) + noise(i, 3, 0) - 1.5) * 8)) // about a normal distribution, sigma 4
		}
	}
	s.near = newLayer(paintHills(near, h, colour{.25, .47, .20}, colour{.13, .29, .12}), func(x int) int { return near[x] }, h)
	return s
}

// paint makes picture number n. The bytes are valid until the next call.
func (s *scene) paint(n int64) []byte {
	t := float64(n) / float64(s.fps) // seconds
	px := float64(s.pic.w) / 1280
	s.sky.paint(s.pic, scroll(t*12*px, s.pic.w*2))
	s.far.paint(s.pic, scroll(t*30*px, s.pic.w*2))
	s.near.paint(s.pic, scroll(t*60*px, s.pic.w*2))
	s.ball(t)
	if s.grain != nil {
		shifted := s.grain[int(noise(int(n), 0, 0)*grainShift):]
		for i := range s.pic.y.pix {
			s.pic.y.pix[i] += shifted[i]
		}
	}
	paintClock(s.pic, TimeOf(n, s.fps).In(time.Local))
	paintNumber(s.pic, uint16(n))
	return s.pic.buf
}

// grainShift is how far the grain moves from picture to picture, at most.
const grainShift = 1 << 16

func scroll(x float64, period int) int { return int(math.Mod(x, float64(period))) }

// ball crosses the screen and back in 8 s and jumps 4 times on its way.
func (s *scene) ball(t float64) {
	p, r := s.pic, float64(s.pic.h)/14
	phase := math.Mod(t, 8) / 4
	if phase > 1 {
		phase = 2 - phase
	}
	cx := r + (float64(p.w)-2*r)*phase
	cy := float64(p.h)*0.80 - math.Abs(math.Sin(math.Mod(t, 1)*math.Pi))*float64(p.h)*0.42
	spin := math.Mod(t*3, 2*math.Pi)
	for y := max(int(cy-r), 0); y <= min(int(cy+r), p.h-1); y++ {
		for x := max(int(cx-r), 0); x <= min(int(cx+r), p.w-1); x++ {
			dx, dy := (float64(x)-cx)/r, (float64(y)-cy)/r
			if dx*dx+dy*dy > 1 {
				continue
			}
			c := colour{.93, .93, .9}
			if slice := (math.Atan2(dy, dx) + spin) * 1.5 / math.Pi; slice-math.Floor(slice) < .5 {
				c = colour{.86, .22, .16}
			}
			light := 1.05 - 0.5*math.Sqrt((dx+.35)*(dx+.35)+(dy+.4)*(dy+.4))
			p.set(x, y, c.times(light))
		}
	}
}

// skyline is a wavy line that joins its own end: rows by column.
func skyline(w int, at, swing float64, phase float64) []int {
	line := make([]int, w)
	for x := range line {
		a := 2 * math.Pi * float64(x) / float64(w)
		line[x] = int(at + swing*(.55*math.Sin(2*a+phase)+.3*math.Sin(5*a+2*phase+1)+.15*math.Sin(11*a+phase)))
	}
	return line
}

func lowest(line []int) int {
	low := 0
	for _, y := range line {
		low = max(low, y)
	}
	return low
}

func paintSky(w, h int) *picture {
	p := newPicture(w, h)
	for y := range h * 2 / 3 {
		f := float64(y) / (float64(h) * .62)
		base := colour{.24, .50, .82}.mix(colour{.93, .86, .74}, min(f*f, 1))
		for x := range w {
			// Noise on a ring joins its own end.
			n := cloud(float64(x)/float64(w), float64(y)/float64(h))
			p.set(x, y, base.mix(colour{1, .99, .97}, n*.85))
		}
	}
	return p
}

func paintHills(line []int, h int, crest, foot colour) *picture {
	p := newPicture(len(line), h)
	for x, top := range line {
		for y := max(top, 0); y < h; y++ {
			f := float64(y-top) / (float64(h) * .3)
			grass := .92 + .16*noise(x/3, y/2, 0)*noise(x/11, y/7, 0) // tufts: something for the encoder to do
			p.set(x, y, crest.mix(foot, min(f, 1)).times(grass))
		}
	}
	return p
}

// cloud is 0 (clear) to 1; x 0..1 goes round.
func cloud(x, y float64) float64 {
	sum, amp, freq := 0.0, .5, 8
	for range 4 {
		sum += amp * smooth(x*float64(freq), y*float64(freq)*1.6, freq)
		amp, freq = amp/2, freq*2
	}
	return min(max((sum-.46)*3.2, 0), 1)
}

// smooth is value noise of period n in x.
func smooth(x, y float64, n int) float64 {
	x0, y0 := int(x), int(y)
	fx, fy := ease(x-float64(x0)), ease(y-float64(y0))
	a := noise(x0, y0, n)*(1-fx) + noise(x0+1, y0, n)*fx
	b := noise(x0, y0+1, n)*(1-fx) + noise(x0+1, y0+1, n)*fx
	return a*(1-fy) + b*fy
}

func ease(t float64) float64 { return t * t * (3 - 2*t) }

// noise is a fixed random number, 0 to 1, for a grid point; n > 0: of period n in x.
func noise(x, y, n int) float64 {
	if n > 0 {
		x %= n
	}
	h := uint32(x)*374761393 + uint32(y)*668265263 + uint32(n)*2246822519
	h = (h ^ h>>13) * 1274126177
	return float64((h^h>>16)&0xffff) / 0xffff
}
