package hevc

import (
	"fmt"

	"github.com/helios-h2020/pse/internal/bits"
)

// MaxSide is the largest width and height of pictures, in pixels.
const MaxSide = 8192

// SPS is what a sequence parameter set says of pictures.
type SPS struct {
	CodedWidth, CodedHeight uint64 // pixels, before cropping; 0: it could not be read
	Width, Height           int    // pixels, after cropping

	profile                        [12]byte // profile, tier and level, as they are
	chroma, depthLuma, depthChroma byte     // as they are; depths are above 8
}

// ParseSPS reads a sequence parameter set up to the size of pictures (H.265 7.3.2.2.1),
// emulation prevention bytes and all. What is malformed or larger than MaxSide is
// ErrConfig; the coded size is told then, too, if it could be read.
func ParseSPS(nal []byte) (SPS, error) {
	var s SPS
	if len(nal) < 2 || nal[0]>>1&0x3f != UnitSPS {
		return s, fmt.Errorf("%w: not a sequence parameter set", ErrConfig)
	}
	rbsp := bits.RBSP(nal[2:min(len(nal), 256)]) // far more than what is read of it
	if len(rbsp) > len(s.profile) {
		copy(s.profile[:], rbsp[1:])
	}
	r := bits.NewReader(rbsp)
	r.Bits(4) // sps_video_parameter_set_id
	layers := int(r.Bits(3))
	r.Bit() // sps_temporal_id_nesting_flag
	skipProfile(r, layers)
	r.UE() // sps_seq_parameter_set_id
	chroma := r.UE()
	if chroma == 3 {
		r.Bit() // separate_colour_plane_flag
	}
	w, h := r.UE(), r.UE()
	if chroma > 3 {
		return s, fmt.Errorf("%w: samples of a kind that there is not", ErrConfig)
	}
	if !r.Short {
		s.CodedWidth, s.CodedHeight = uint64(w), uint64(h)
	}
	if max(w, h) > MaxSide {
		return s, fmt.Errorf("%w: a picture of more than %d pixels a side", ErrConfig, MaxSide)
	}
	s.Width, s.Height = int(w), int(h)
	if r.Bit() == 1 { // conformance_window_flag
		unitX, unitY := 1, 1
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY = 2
		}
		left, right, top, bottom := int(r.UE()), int(r.UE()), int(r.UE()), int(r.UE())
		s.Width -= (left + right) * unitX
		s.Height -= (top + bottom) * unitY
	}
	luma, chromaDepth := r.UE(), r.UE()
	s.chroma, s.depthLuma, s.depthChroma = byte(chroma), byte(luma&7), byte(chromaDepth&7)
	if r.Short || luma > 8 || chromaDepth > 8 || s.Width < 16 || s.Height < 16 {
		return s, fmt.Errorf("%w: the sequence parameter set is cut short", ErrConfig)
	}
	return s, nil
}

// skipProfile skips profile, tier and level (H.265 7.3.3) of so many layers above the first.
func skipProfile(r *bits.Reader, layers int) {
	const profile, level = 88, 8 // bits
	skip := func(n int) {
		for ; n > 0; n -= 32 {
			r.Bits(min(n, 32))
		}
	}
	skip(profile + level)
	has := r.Bits(2 * layers)
	if layers > 0 {
		skip(2 * (8 - layers))
	}
	for i := layers - 1; i >= 0; i-- {
		skip(int(has>>(2*i+1)&1)*profile + int(has>>(2*i)&1)*level)
	}
}
