package avc

import (
	"fmt"
	"testing"

	mp4ff "github.com/Eyevinn/mp4ff/avc"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// spsModel is a sequence parameter set in words.
type spsModel struct {
	profile       uint64
	chroma        uint64 // of the high profiles
	planes        uint64 // separate_colour_plane_flag
	scaling       bool   // scaling lists are sent
	order         uint64 // pic_order_cnt_type
	cycle         uint64 // its reference frames, of type 1
	width, height uint64 // macroblocks, map units
	fields        bool   // not frame_mbs_only
	crop          []uint64
	sar           int // aspect_ratio_idc; -1: no aspect_ratio_info, -2: no VUI
	sarW, sarH    uint64
	timing, hrd   bool
	cpbs          uint64 // cpb_cnt_minus1
}

func (m spsModel) nal() []byte {
	w := &avctest.BitWriter{}
	flag := func(f bool) uint64 {
		if f {
			return 1
		}
		return 0
	}
	w.Bits(0x67, 8)
	w.Bits(m.profile, 8)
	w.Bits(0, 8)
	w.Bits(31, 8)
	w.UE(0)
	if m.profile >= 100 {
		w.UE(m.chroma)
		if m.chroma == 3 {
			w.Bits(m.planes, 1)
		}
		w.UE(0, 0)
		w.Bits(0, 1)
		w.Bits(flag(m.scaling), 1)
		for i := range 8 {
			if !m.scaling {
				break
			}
			w.Bits(uint64(i%2), 1)
			if i%2 == 1 {
				w.UE(4, 3, 16) // deltas -2, 2, -8: the rest of the list repeats 0's predecessor
			}
		}
	}
	w.UE(0, m.order)
	switch m.order {
	case 0:
		w.UE(2)
	case 1:
		w.Bits(0, 1)
		w.UE(3, 4, m.cycle)
		for i := range m.cycle {
			w.UE(i)
		}
	}
	w.UE(4)
	w.Bits(0, 1)
	w.UE(m.width-1, m.height-1)
	w.Bits(flag(!m.fields), 1)
	if m.fields {
		w.Bits(1, 1)
	}
	w.Bits(1, 1)
	w.Bits(flag(m.crop != nil), 1)
	w.UE(m.crop...)
	w.Bits(flag(m.sar != -2), 1)
	if m.sar == -2 {
		return w.NAL()
	}
	w.Bits(flag(m.sar >= 0), 1)
	if m.sar >= 0 {
		w.Bits(uint64(m.sar), 8)
		if m.sar == 255 {
			w.Bits(m.sarW, 16)
			w.Bits(m.sarH, 16)
		}
	}
	w.Bits(0, 3) // overscan, video signal type, chroma location
	w.Bits(flag(m.timing), 1)
	if m.timing {
		w.Bits(1, 32)
		w.Bits(60, 32)
		w.Bits(1, 1)
	}
	w.Bits(flag(m.hrd), 1)
	if m.hrd {
		w.UE(m.cpbs)
		w.Bits(0, 8)
		for range m.cpbs + 1 {
			w.UE(100, 200)
			w.Bits(1, 1)
		}
		w.Bits(0, 20)
	}
	w.Bits(0, 1)
	if m.hrd {
		w.Bits(0, 1)
	}
	w.Bits(0, 1)
	w.Bits(1, 1) // bitstream_restriction
	w.Bits(1, 1)
	w.UE(0, 0, 10, 10, 2, 4)
	return w.NAL()
}

// What a sequence parameter set says, against two other parsers. Where one of
// them says something else it is written down here; want is what the standard
// says. Neither is used in our place: mp4ff besides allocates by counts that
// 13 bytes can make 512 MiB and 27 can make it panic, and both let more be
// cropped than there is, which wraps around.
func TestSPSAgainstOthers(t *testing.T) {
	type opinion struct{ width, height, sarW, sarH int }
	for _, c := range []struct {
		name        string
		nal         []byte
		want        opinion
		mp4ff       string // why it says something else; empty: it says the same
		mediacommon string
	}{
		{"x264", avcSets(t, avctest.AVC720), opinion{1280, 720, 1, 1}, "", ""},
		{"cut short behind the ratio", avcSets(t, avctest.AVCTiny), opinion{636, 128, 1, 1}, "", "the whole set is refused"},
		{"baseline", spsModel{profile: 66, width: 80, height: 45, sar: -2}.nal(), opinion{1280, 720, 1, 1}, "", ""},
		{"1080 lines cropped", spsModel{profile: 77, width: 120, height: 68, crop: []uint64{0, 0, 0, 4}, sar: -1, timing: true}.nal(), opinion{1920, 1080, 1, 1}, "", ""},
		{"cropped at all sides", spsModel{profile: 77, width: 20, height: 12, crop: []uint64{1, 2, 3, 4}, sar: -2}.nal(), opinion{314, 178, 1, 1}, "", ""},
		{"fields", spsModel{profile: 77, width: 120, height: 34, fields: true, crop: []uint64{0, 0, 0, 2}, sar: 1}.nal(), opinion{1920, 1080, 1, 1}, "", ""},
		{"4:2:2 fields", spsModel{profile: 122, chroma: 2, width: 120, height: 34, fields: true, crop: []uint64{0, 0, 0, 4}, sar: 1}.nal(), opinion{1920, 1080, 1, 1}, "", ""},
		{"4:4:4", spsModel{profile: 244, chroma: 3, width: 20, height: 12, crop: []uint64{3, 0, 0, 5}, sar: -2}.nal(), opinion{317, 187, 1, 1}, "", ""},
		{"three planes", spsModel{profile: 244, chroma: 3, planes: 1, width: 20, height: 12, crop: []uint64{3, 0, 0, 5}, sar: -2}.nal(), opinion{317, 187, 1, 1}, "", "columns are not cropped where ChromaArrayType is 0"},
		{"monochrome", spsModel{profile: 100, chroma: 0, width: 20, height: 12, crop: []uint64{3, 0, 0, 5}, sar: -2}.nal(), opinion{317, 187, 1, 1}, "", "columns are not cropped where ChromaArrayType is 0"},
		{"scaling lists", spsModel{profile: 100, chroma: 1, scaling: true, width: 80, height: 45, sar: 1}.nal(), opinion{1280, 720, 1, 1}, "", ""},
		{"order type 1", spsModel{profile: 66, order: 1, cycle: 3, width: 80, height: 45, sar: 1}.nal(), opinion{1280, 720, 1, 1}, "", ""},
		{"order type 2", spsModel{profile: 66, order: 2, width: 80, height: 45, sar: 1}.nal(), opinion{1280, 720, 1, 1}, "", ""},
		{"anamorphic", spsModel{profile: 77, width: 45, height: 36, sar: 4, timing: true, hrd: true}.nal(), opinion{720, 576, 16, 11}, "", ""},
		{"the last ratio of the table", spsModel{profile: 77, width: 40, height: 36, sar: 16}.nal(), opinion{640, 576, 2, 1}, "", ""},
		{"a ratio of its own", spsModel{profile: 77, width: 45, height: 36, sar: 255, sarW: 59, sarH: 54, hrd: true, cpbs: 31}.nal(), opinion{720, 576, 59, 54}, "", ""},
		{"a ratio that is not specified", spsModel{profile: 77, width: 80, height: 45, sar: 0}.nal(), opinion{1280, 720, 1, 1}, "the whole set is refused", ""},
		{"a reserved ratio", spsModel{profile: 77, width: 80, height: 45, sar: 17}.nal(), opinion{1280, 720, 1, 1}, "the whole set is refused", ""},
		{"a ratio of nothing", spsModel{profile: 77, width: 80, height: 45, sar: 255}.nal(), opinion{1280, 720, 1, 1}, "", ""},
	} {
		s, err := ParseSPS(c.nal)
		if got := (opinion{s.Width, s.Height, s.SARWidth, s.SARHeight}); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
		for _, other := range []struct{ name, differs, says string }{
			{"mp4ff", c.mp4ff, func() string {
				p, err := mp4ff.ParseSPSNALUnit(c.nal, false)
				if err != nil {
					return err.Error()
				}
				o := opinion{int(p.Width), int(p.Height), 1, 1}
				if p.VUI != nil && p.VUI.SampleAspectRatioWidth > 0 && p.VUI.SampleAspectRatioHeight > 0 {
					o.sarW, o.sarH = int(p.VUI.SampleAspectRatioWidth), int(p.VUI.SampleAspectRatioHeight)
				}
				return fmt.Sprint(o)
			}()},
			{"mediacommon", c.mediacommon, func() string {
				var p h264.SPS
				if err := p.Unmarshal(c.nal); err != nil {
					return err.Error()
				}
				o := opinion{p.Width(), p.Height(), 1, 1}
				if v := p.VUI; v != nil && v.AspectRatioInfoPresentFlag {
					if v.AspectRatioIdc == 255 && v.SarWidth > 0 && v.SarHeight > 0 {
						o.sarW, o.sarH = int(v.SarWidth), int(v.SarHeight)
					} else if int(v.AspectRatioIdc) < len(sarTable) {
						o.sarW, o.sarH = sarTable[v.AspectRatioIdc][0], sarTable[v.AspectRatioIdc][1]
					}
				}
				return fmt.Sprint(o)
			}()},
		} {
			if same := other.says == fmt.Sprint(c.want); same != (other.differs == "") {
				t.Errorf("%s: %s says %s, want %v; it is said to differ: %q", c.name, other.name, other.says, c.want, other.differs)
			}
		}
	}
}

// avcSets is the first sequence parameter set of a configuration.
func avcSets(t *testing.T, config string) []byte {
	t.Helper()
	c, err := ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return c.SPS[0]
}

// Counts and sizes that nobody has do not cost more than the bytes they come in.
func TestHostileSPS(t *testing.T) {
	for name, nal := range map[string][]byte{
		"a cycle of 2^30 reference frames": func() []byte {
			w := &avctest.BitWriter{}
			w.Bits(0x6742001f, 32)
			w.UE(0, 0, 1)
			w.Bits(0, 1)
			w.UE(0, 0, 1<<30)
			return w.NAL()
		}(),
		"a width of 2^31 macroblocks": spsModel{profile: 66, width: 1 << 31, height: 1, sar: -2}.nal(),
		"fields of 8192 lines each":   spsModel{profile: 66, width: 20, height: 512, fields: true, sar: -2}.nal(),
		"more cropped than there is":  spsModel{profile: 66, width: 20, height: 12, crop: []uint64{1 << 20, 0, 0, 0}, sar: -2}.nal(),
		"a number of 64 zeros":        append([]byte{0x67, 66, 0, 31}, make([]byte, 9)...),
		"nothing after the level":     {0x67, 66, 0, 31},
	} {
		if s, err := ParseSPS(nal); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = ParseSPS(nal) }); n > 8 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}
