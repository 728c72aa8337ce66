package cmaf

import (
	"encoding/hex"
	"testing"

	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/internal/avc/avctest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzVideoConfig(f *testing.F) {
	f.Add([]byte(avctest.AVC720))
	f.Add([]byte(avctest.AVCTiny))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ParseVideoConfig(b)
		if err != nil {
			return
		}
		if v.Width < 2 || v.Height < 2 || v.sps.Width > avc.MaxSide || v.sps.Height > avc.MaxSide {
			t.Fatalf("%+v", v.sps)
		}
		if again, err := ParseVideoConfig(v.Record); err != nil || again.Codec != v.Codec {
			t.Fatalf("%+v, %v", again, err)
		}
		InitSegment(v, nil)
		v.IsIDR(b)
	})
}

func FuzzAudioConfig(f *testing.F) {
	for _, s := range []string{"1190", "1210", "1188", "2b920800", "eb8a0800", "1388"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAudioConfig(b)
		if err != nil {
			return
		}
		if len(a.SilentFrame()) == 0 || a.Rate <= 0 || a.FrameSamples <= 0 {
			t.Fatalf("%+v", a)
		}
		InitSegment(nil, a)
	})
}

func FuzzIsIDR(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x65, 0x88}, uint8(4))
	f.Fuzz(func(_ *testing.T, b []byte, n uint8) {
		(&VideoConfig{lengthSize: int(n%4) + 1}).IsIDR(b)
	})
}
