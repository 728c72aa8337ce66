package av1

import (
	"fmt"

	"github.com/helios-h2020/pse/internal/bits"
)

// MaxSide is the largest width and height of pictures, in pixels.
const MaxSide = 8192

// Sequence is what a sequence header says of pictures.
type Sequence struct {
	Width, Height int // pixels, at most; 0: it could not be read
}

// ParseSequence reads a sequence header OBU, without its head, up to the size of pictures
// (5.5.1). What is malformed or larger than MaxSide is ErrConfig; the size is told then,
// too, if it could be read.
func ParseSequence(header []byte) (s Sequence, err error) {
	r := bits.NewReader(header)
	r.Bits(4) // seq_profile, still_picture
	if r.Bit() == 1 {
		r.Bits(5) // of a reduced header: seq_level_idx
	} else {
		skipOperation(r)
	}
	w, h := int(r.Bits(4))+1, int(r.Bits(4))+1
	width, height := int(r.Bits(w))+1, int(r.Bits(h))+1
	if r.Short {
		return s, fmt.Errorf("%w: the sequence header is cut short", ErrConfig)
	}
	s.Width, s.Height = width, height
	if max(width, height) > MaxSide || min(width, height) < 16 {
		return s, fmt.Errorf("%w: a picture of %dx%d", ErrConfig, width, height)
	}
	return s, nil
}

// skipOperation skips timing and operating points.
func skipOperation(r *bits.Reader) {
	decoderModel, delayBits := false, 0
	if r.Bit() == 1 { // timing_info_present_flag
		r.Bits(32)
		r.Bits(32)
		if r.Bit() == 1 { // equal_picture_interval
			r.UE()
		}
		if decoderModel = r.Bit() == 1; decoderModel {
			delayBits = int(r.Bits(5)) + 1
			r.Bits(32)
			r.Bits(10)
		}
	}
	initialDelay := r.Bit() == 1
	for range r.Bits(5) + 1 {
		r.Bits(12) // operating_point_idc
		if r.Bits(5) > 7 {
			r.Bit() // seq_tier
		}
		if decoderModel && r.Bit() == 1 {
			r.Bits(delayBits)
			r.Bits(delayBits)
			r.Bit() // low_delay_mode_flag
		}
		if initialDelay && r.Bit() == 1 {
			r.Bits(4)
		}
	}
}
