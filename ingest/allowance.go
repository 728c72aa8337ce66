package ingest

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/avc"
)

// allowance is how much a publisher may send: far more than any encoder does
// that people use, so that nobody fills the logs or has decoders take all the
// memory there is.
type allowance struct {
	bitrate int // bits/s
	pixels  int // of a picture as coded
	bytes   *rate.Limiter
}

// allowedBurst is how much of the bitrate's bytes may come at once: what
// piled up while the network stood still, or a file up to Config.MaxAhead.
const allowedBurst = 20 * time.Second

func newAllowance(c Config) *allowance {
	perSecond := c.MaxBitrate / 8
	return &allowance{bitrate: c.MaxBitrate, pixels: c.MaxPixels, bytes: rate.NewLimiter(rate.Limit(perSecond), perSecond*int(allowedBurst.Seconds()))}
}

// take refuses a publisher who has sent too much with these bytes.
func (a *allowance) take(n int, now time.Time) *rtmp.StatusError {
	if a.bytes.AllowN(now, n) {
		return nil
	}
	return rtmp.Errorf(rtmp.CodeRejected, "this stream is of more than %.1f Mbit/s, the most that is taken here; lower the encoder's bitrate", float64(a.bitrate)/1e6)
}

// picture refuses pictures of H.264 that are too large.
func (a *allowance) picture(sps []byte) *rtmp.StatusError {
	p, err := avc.ParseSPS(sps)
	return a.size(p.CodedWidth, p.CodedHeight, err, errAVCConfig)
}

// size refuses pictures that are too large, in pixels. What counts is what a decoder
// needs memory for: before cropping. err is what was wrong with what says so, which
// is broken if the size could not be read; else it broke after the size.
func (a *allowance) size(width, height uint64, err error, broken *rtmp.StatusError) *rtmp.StatusError {
	if err != nil && height == 0 {
		return broken
	}
	if max(width, height) > avc.MaxSide || width*height > uint64(a.pixels) {
		return rtmp.Errorf(rtmp.CodeRejected, "pictures of %dx%d are larger than what is taken here (%.1f megapixels, %d on a side); lower the encoder's resolution",
			width, height, float64(a.pixels)/1e6, avc.MaxSide)
	}
	return nil
}
