package cmaf

import "fmt"

// maxSide bounds the pictures that are accepted, in pixels.
const maxSide = 8192

// sps is what a sequence parameter set tells of the picture (H.264 7.3.2.1.1, E.1.1).
type sps struct {
	width, height int // after cropping, in coded pixels
	sarW, sarH    int // sample aspect ratio, 1:1 when not told
}

// display is the size as shown: the sample aspect ratio is taken into account.
func (s sps) display() (width, height int) {
	if s.sarW > s.sarH {
		return s.width * s.sarW / s.sarH &^ 1, s.height
	}
	if s.sarW < s.sarH {
		return s.width, s.height * s.sarH / s.sarW &^ 1
	}
	return s.width, s.height
}

// sarTable is H.264 table E-1.
var sarTable = [...][2]int{
	{1, 1},
	{1, 1},
	{12, 11},
	{10, 11},
	{16, 11},
	{40, 33},
	{24, 11},
	{20, 11},
	{32, 11},
	{80, 33},
	{18, 11},
	{15, 11},
	{64, 33},
	{160, 99},
	{4, 3},
	{3, 2},
	{2, 1},
}

// parseSPS reads a sequence parameter set up to the aspect ratio. All counts in it are bounded.
func parseSPS(nal []byte) (sps, error) {
	s := sps{sarW: 1, sarH: 1}
	if len(nal) < 4 || nal[0]&0x1f != 7 {
		return s, fmt.Errorf("%w: not a sequence parameter set", ErrMedia)
	}
	r := &bitReader{b: rbsp(nal[1:])}
	profile := r.bits(8)
	r.bits(16) // constraints, level
	r.ue()     // seq_parameter_set_id
	chroma := uint32(1)
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chroma = readChroma(r)
	}
	r.ue() // log2_max_frame_num_minus4
	skipPicOrder(r)
	r.ue()  // max_num_ref_frames
	r.bit() // gaps_in_frame_num_value_allowed_flag
	w, h := int(r.ue()), int(r.ue())
	if w >= maxSide/16 || h >= maxSide/16 {
		return s, fmt.Errorf("%w: a picture of more than %d pixels a side", ErrMedia, maxSide)
	}
	frameOnly := int(r.bit())
	if frameOnly == 0 {
		r.bit()
	}
	s.width, s.height = (w+1)*16, (h+1)*16*(2-frameOnly)
	if s.height > maxSide { // of fields: twice the map units
		return s, fmt.Errorf("%w: a picture of more than %d pixels a side", ErrMedia, maxSide)
	}
	r.bit() // direct_8x8_inference_flag
	if r.bit() == 1 {
		unitX, unitY := 1, 2-frameOnly
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY *= 2
		}
		left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
		s.width -= (left + right) * unitX
		s.height -= (top + bottom) * unitY
	}
	if r.bit() == 1 { // vui_parameters_present_flag
		s.readAspectRatio(r)
	}
	if s.sarW == 0 || s.sarH == 0 || s.sarW > 8*s.sarH || s.sarH > 8*s.sarW {
		s.sarW, s.sarH = 1, 1
	}
	if r.short || s.width < 16 || s.height < 16 {
		return s, fmt.Errorf("%w: the sequence parameter set is cut short", ErrMedia)
	}
	return s, nil
}

// readChroma gives chroma_format_idc and skips what else the high profiles have.
func readChroma(r *bitReader) (chroma uint32) {
	chroma = r.ue()
	if chroma == 3 {
		r.bit() // separate_colour_plane_flag
	}
	r.ue() // bit depths
	r.ue()
	r.bit() // qpprime_y_zero_transform_bypass_flag
	if r.bit() == 0 {
		return chroma
	}
	n := 8
	if chroma == 3 {
		n = 12
	}
	for i := range n {
		if r.bit() == 1 {
			skipScalingList(r, i < 6)
		}
	}
	return chroma
}

// skipPicOrder skips pic_order_cnt_type and what comes with it. A count of more
// reference frames than there may be is taken for the most there may be.
func skipPicOrder(r *bitReader) {
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.bit()
		r.se()
		r.se()
		for n := min(r.ue(), 255); n > 0; n-- {
			r.se()
		}
	}
}

// readAspectRatio reads the aspect ratio, with which the VUI begins. What is not
// specified or reserved leaves 1:1.
func (s *sps) readAspectRatio(r *bitReader) {
	if r.bit() == 0 { // aspect_ratio_info_present_flag
		return
	}
	if idc := r.bits(8); idc == 255 {
		s.sarW, s.sarH = int(r.bits(16)), int(r.bits(16))
	} else if int(idc) < len(sarTable) {
		s.sarW, s.sarH = sarTable[idc][0], sarTable[idc][1]
	}
}

func skipScalingList(r *bitReader, small bool) {
	n := 64
	if small {
		n = 16
	}
	last, next := int32(8), int32(8)
	for range n {
		if next != 0 {
			next = (last + r.se()) & 255
		}
		if next != 0 {
			last = next
		}
	}
}
