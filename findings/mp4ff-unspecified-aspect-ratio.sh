#!/usr/bin/env bash
# The VUI of an H.264 parameter set may say that the shape of its samples is unspecified: aspect_ratio_idc 0 (H.264, E.2.1 and
# table E-1). The picture's size does not depend on it.
#
# Versions: github.com/Eyevinn/mp4ff v0.48.0 (avc), github.com/bluenviron/mediacommon/v2 v2.4.2 (pkg/codecs/h264).
# Seen:     mp4ff's avc.ParseSPSNALUnit refuses the whole set, so there is no size either; the same set with aspect_ratio_idc 1
#           is 640x360. mediacommon reads both as 640x360.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
cat >go.mod <<'M'
module finding
go 1.26
M
cat >main.go <<'G'
package main

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// set writes a baseline parameter set of 640x360 with the ratio of its VUI, bit by bit.
func set(ratio uint64) []byte {
	var bits []byte
	u := func(n int, v uint64) {
		for n--; n >= 0; n-- {
			bits = append(bits, byte(v>>n&1))
		}
	}
	ue := func(v uint64) {
		n := 0
		for (v+1)>>(n+1) > 0 {
			n++
		}
		u(n, 0)
		u(n+1, v+1)
	}
	u(8, 0x67)
	u(8, 66)
	u(8, 0xc0)
	u(8, 30)
	ue(0) // seq_parameter_set_id
	ue(0) // log2_max_frame_num_minus4
	ue(2) // pic_order_cnt_type
	ue(1) // max_num_ref_frames
	u(1, 0)
	ue(39) // 40 macroblocks
	ue(22) // 23
	u(1, 1) // frame_mbs_only_flag
	u(1, 1)
	u(1, 1) // cropping: 8 lines at the bottom
	ue(0)
	ue(0)
	ue(0)
	ue(4)
	u(1, 1) // VUI
	u(1, 1) // aspect_ratio_info_present_flag
	u(8, ratio)
	u(8, 0) // overscan, video signal, chroma, timing, two HRDs, pic_struct, restrictions: none
	u(1, 1) // rbsp_stop_one_bit
	for len(bits)%8 > 0 {
		bits = append(bits, 0)
	}
	out := make([]byte, len(bits)/8)
	for i, b := range bits {
		out[i/8] |= b << (7 - i%8)
	}
	return out
}

func main() {
	for _, ratio := range []uint64{1, 0} {
		if s, err := avc.ParseSPSNALUnit(set(ratio), true); err != nil {
			fmt.Printf("mp4ff, aspect_ratio_idc %d: %v\n", ratio, err)
		} else {
			fmt.Printf("mp4ff, aspect_ratio_idc %d: %dx%d\n", ratio, s.Width, s.Height)
		}
		var s h264.SPS
		if err := s.Unmarshal(set(ratio)); err != nil {
			fmt.Printf("mediacommon, aspect_ratio_idc %d: %v\n", ratio, err)
		} else {
			fmt.Printf("mediacommon, aspect_ratio_idc %d: %dx%d\n", ratio, s.Width(), s.Height())
		}
	}
}
G
go get github.com/Eyevinn/mp4ff@v0.48.0 github.com/bluenviron/mediacommon/v2@v2.4.2 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = 'mp4ff, aspect_ratio_idc 1: 640x360
mediacommon, aspect_ratio_idc 1: 640x360
mp4ff, aspect_ratio_idc 0: GetSARFromIDC: SAR bad index 0
mediacommon, aspect_ratio_idc 0: 640x360' ] || { echo "changed"; exit 1; }
