package avc

import (
	"fmt"

	"github.com/helios-h2020/pse/internal/bits"
)

// MaxSide is the longest side of pictures that are read, in pixels as coded.
const MaxSide = 8192

// SPS is what a sequence parameter set tells of the pictures (H.264 7.3.2.1.1, E.1.1).
type SPS struct {
	CodedWidth, CodedHeight uint64  // pixels, before cropping: what a decoder needs memory for
	Width, Height           int     // after cropping, in coded pixels
	SARWidth, SARHeight     int     // sample aspect ratio, 1:1 when not told
	Profile                 int     // profile_idc
	Interlaced              bool    // pictures may be fields, or frames of two (frame_mbs_only_flag 0)
	Chroma                  int     // chroma_format_idc
	DepthLuma, DepthChroma  int     // bits
	FPS                     float64 // frames a second, as the timing says; 0: it says none
}

// Display is the size as shown: the sample aspect ratio is taken into account.
func (s SPS) Display() (width, height int) {
	if s.SARWidth > s.SARHeight {
		return s.Width * s.SARWidth / s.SARHeight &^ 1, s.Height
	}
	if s.SARWidth < s.SARHeight {
		return s.Width, s.Height * s.SARHeight / s.SARWidth &^ 1
	}
	return s.Width, s.Height
}

// Common reports pictures that every browser and phone decodes: of the profiles
// Baseline, Main and High (H.264 A.2), with 4:2:0 and 8 bits.
func (s SPS) Common() bool {
	switch s.Profile {
	case 66, 77, 100:
		return s.Chroma == 1 && s.DepthLuma == 8 && s.DepthChroma == 8
	}
	return false
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

// ParseSPS reads a sequence parameter set, emulation prevention bytes and all, up
// to the timing. All counts in it are bounded. What is malformed or larger than
// MaxSide is ErrConfig; the coded size is told then, too, if it could be read.
func ParseSPS(nal []byte) (SPS, error) {
	s := SPS{SARWidth: 1, SARHeight: 1, Chroma: 1, DepthLuma: 8, DepthChroma: 8}
	if len(nal) < 4 || nal[0]&0x1f != UnitSPS {
		return s, fmt.Errorf("%w: not a sequence parameter set", ErrConfig)
	}
	r := bits.NewReader(bits.RBSP(nal[1:]))
	profile := r.Bits(8)
	s.Profile = int(profile)
	r.Bits(16) // constraints, level
	r.UE()     // seq_parameter_set_id
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		s.readChroma(r)
	}
	r.UE() // log2_max_frame_num_minus4
	if !skipPicOrder(r) {
		return s, fmt.Errorf("%w: an order of pictures that there is not", ErrConfig)
	}
	r.UE()  // max_num_ref_frames
	r.Bit() // gaps_in_frame_num_value_allowed_flag
	w, h := uint64(r.UE()), uint64(r.UE())
	frameOnly := uint64(r.Bit())
	if s.Interlaced = frameOnly == 0; s.Interlaced {
		r.Bit()
	}
	if !r.Short {
		s.CodedWidth, s.CodedHeight = (w+1)*16, (h+1)*16*(2-frameOnly) // of fields: twice the map units
	}
	if max(s.CodedWidth, s.CodedHeight) > MaxSide {
		return s, fmt.Errorf("%w: a picture of more than %d pixels a side", ErrConfig, MaxSide)
	}
	s.Width, s.Height = int(s.CodedWidth), int(s.CodedHeight)
	r.Bit() // direct_8x8_inference_flag
	if r.Bit() == 1 {
		unitX, unitY := 1, int(2-frameOnly)
		if s.Chroma == 1 || s.Chroma == 2 {
			unitX = 2
		}
		if s.Chroma == 1 {
			unitY *= 2
		}
		left, right, top, bottom := int(r.UE()), int(r.UE()), int(r.UE()), int(r.UE())
		s.Width -= (left + right) * unitX
		s.Height -= (top + bottom) * unitY
	}
	vui := r.Bit() == 1
	if vui {
		s.readAspectRatio(r)
	}
	if s.SARWidth == 0 || s.SARHeight == 0 || s.SARWidth > 8*s.SARHeight || s.SARHeight > 8*s.SARWidth {
		s.SARWidth, s.SARHeight = 1, 1
	}
	if r.Short || s.Width < 16 || s.Height < 16 {
		return s, fmt.Errorf("%w: the sequence parameter set is cut short", ErrConfig)
	}
	if vui {
		s.readTiming(r)
	}
	return s, nil
}

// readChroma reads what the high profiles have of the samples, and skips their scaling.
func (s *SPS) readChroma(r *bits.Reader) {
	s.Chroma = int(r.UE())
	if s.Chroma == 3 {
		r.Bit() // separate_colour_plane_flag
	}
	s.DepthLuma, s.DepthChroma = int(r.UE())+8, int(r.UE())+8
	r.Bit() // qpprime_y_zero_transform_bypass_flag
	if r.Bit() == 0 {
		return
	}
	n := 8
	if s.Chroma == 3 {
		n = 12
	}
	for i := range n {
		if r.Bit() == 1 {
			skipScalingList(r, i < 6)
		}
	}
}

// skipPicOrder skips pic_order_cnt_type and what comes with it. ok is false for
// types and counts of reference frames that there are not.
func skipPicOrder(r *bits.Reader) (ok bool) {
	switch r.UE() {
	case 0:
		r.UE()
	case 1:
		r.Bit()
		r.SE()
		r.SE()
		n := r.UE()
		if n > 255 {
			return false
		}
		for range n {
			r.SE()
		}
	case 2:
	default:
		return false
	}
	return true
}

// readAspectRatio reads the aspect ratio, with which the VUI begins. What is not
// specified or reserved leaves 1:1.
func (s *SPS) readAspectRatio(r *bits.Reader) {
	if r.Bit() == 0 { // aspect_ratio_info_present_flag
		return
	}
	if idc := r.Bits(8); idc == 255 {
		s.SARWidth, s.SARHeight = int(r.Bits(16)), int(r.Bits(16))
	} else if int(idc) < len(sarTable) {
		s.SARWidth, s.SARHeight = sarTable[idc][0], sarTable[idc][1]
	}
}

// readTiming reads how often pictures come, from behind the aspect ratio on.
func (s *SPS) readTiming(r *bits.Reader) {
	if r.Bit() == 1 { // overscan_info_present_flag
		r.Bit()
	}
	if r.Bit() == 1 { // video_signal_type_present_flag
		r.Bits(4)
		if r.Bit() == 1 { // colour_description_present_flag
			r.Bits(24)
		}
	}
	if r.Bit() == 1 { // chroma_loc_info_present_flag
		r.UE()
		r.UE()
	}
	if r.Bit() == 0 { // timing_info_present_flag
		return
	}
	if units, scale := r.Bits(32), r.Bits(32); units > 0 && !r.Short {
		s.FPS = float64(scale) / (2 * float64(units))
	}
}

func skipScalingList(r *bits.Reader, small bool) {
	n := 64
	if small {
		n = 16
	}
	last, next := int32(8), int32(8)
	for range n {
		if next != 0 {
			next = (last + r.SE()) & 255
		}
		if next != 0 {
			last = next
		}
	}
}
