package cmaf

import (
	"encoding/hex"
	"testing"

	"github.com/helios-h2020/pse/internal/av1/av1test"
	"github.com/helios-h2020/pse/internal/avc"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/internal/hevc/hevctest"
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
	f.Add(uint8(0), []byte(avctest.AVC720))
	f.Add(uint8(0), []byte(avctest.AVCTiny))
	f.Add(uint8(1), unhex(f, hevctest.HEVC360))
	f.Add(uint8(2), unhex(f, av1test.AV1360))
	f.Fuzz(func(t *testing.T, coding uint8, b []byte) {
		c := []Coding{AVC, HEVC, AV1}[coding%3]
		v, err := ParseVideoConfig(c, b)
		if err != nil {
			return
		}
		if v.Width < 2 || v.Height < 2 || v.pixelsX > avc.MaxSide || v.pixelsY > avc.MaxSide {
			t.Fatalf("%+v", v)
		}
		if again, err := ParseVideoConfig(c, v.Record); err != nil || again.Codec != v.Codec {
			t.Fatalf("%+v, %v", again, err)
		}
		InitSegment(v, nil)
		v.IsKey(b)
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

func FuzzIsKey(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x65, 0x88}, uint8(4))
	f.Add([]byte{0, 0, 0, 3, 0x26, 1, 0x88}, uint8(4))
	f.Add([]byte{0x0a, 1, 0, 0x32, 1, 0x10}, uint8(4))
	f.Fuzz(func(_ *testing.T, b []byte, n uint8) {
		for _, c := range []Coding{AVC, HEVC, AV1} {
			(&VideoConfig{Coding: c, lengthSize: int(n%4) + 1}).IsKey(b)
		}
	})
}
