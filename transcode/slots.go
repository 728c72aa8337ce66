package transcode

import (
	"runtime"
	"sync"

	"github.com/helios-h2020/pse/bus"
)

// Cost of encoding, in cores: what libx264 superfast and the decoder took per
// pixel and second on two shared cores (720p to 480p and 240p: 0.31;
// 1080p to 720p and 480p: 0.73; docs/decisions/0006-one-ffmpeg-a-stream.md).
const (
	coresPerEncodedPixel = 13e-9
	coresPerDecodedPixel = 4e-9
	usableCores          = 0.85 // the rest is for everything else on the box
)

// slots counts what this worker encodes, so that it takes no more than it can carry.
type slots struct {
	limit int     // streams; 0: cores decide
	cores float64 // that may be used

	mu    sync.Mutex // guards below
	inUse int
	used  float64 // cores
}

func newSlots(limit int) *slots {
	return &slots{limit: limit, cores: float64(runtime.NumCPU()) * usableCores}
}

// hasRoom reports whether a stream of some cost could be taken now.
func (s *slots) hasRoom(cost float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fits(cost)
}

// fits: the first stream is always taken, whatever it costs; renditions are shed if it is too much.
func (s *slots) fits(cost float64) bool {
	if s.limit > 0 {
		return s.inUse < s.limit
	}
	return s.inUse == 0 || s.used+cost <= s.cores
}

// acquire takes a slot if there is one. give gives it back, once.
func (s *slots) acquire(cost float64) (give func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fits(cost) {
		return nil, false
	}
	s.inUse++
	s.used += cost
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.inUse--
		s.used -= cost
		s.mu.Unlock()
	}), true
}

// cost is what encoding a stream of a codec takes, in cores, as far as its record tells.
func cost(p Profile, codec string, width, height int, fps float64) float64 {
	if width <= 0 || height <= 0 {
		width, height = 1280, 720
	}
	if fps <= 0 || fps > 120 {
		fps = 30
	}
	pixels := 0
	for _, r := range p.ladder(width, height, p.Pass && codec != "" && codec != bus.CodecH264) {
		pixels += r.width * r.height
	}
	if pixels == 0 {
		return 0
	}
	out := fps
	if p.FPS > 0 {
		out = float64(p.FPS)
	}
	return float64(pixels)*out*coresPerEncodedPixel + float64(width*height)*fps*coresPerDecodedPixel
}
