package avc

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// What is cut short or no configuration is said to be so, wherever it ends; picture
// parameter sets are for who asks for them.
func TestConfigsThatAreNone(t *testing.T) {
	whole := []byte(avctest.AVC720)
	c, err := ParseConfig(whole)
	if err != nil || c.LengthSize != 4 || len(c.SPS) != 1 || len(c.SPS[0]) != 0x1c {
		t.Fatalf("%+v, %v", c, err)
	}
	pps, err := c.PPS()
	if err != nil || len(pps) != 1 || len(pps[0]) != 6 {
		t.Fatalf("%x, %v", pps, err)
	}
	behind := 8 + len(c.SPS[0]) // where the picture parameter sets begin
	for n := range whole {
		c, err := ParseConfig(whole[:n])
		if (err == nil) != (n >= behind) || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%d bytes: %+v, %v", n, c, err)
		}
		if err != nil {
			continue
		}
		if _, err := c.PPS(); !errors.Is(err, ErrConfig) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	coded := append([]byte{1, 66, 0, 30, 0xff, 0xe1, 0, 9, 0, 0, 0, 1}, "\x67\x42\xc0\x1e\xd9\x01\x00\x07\x00\x00\x01\x68\xcb\x83\xcb"...)
	if c, err := ParseConfig(coded); err != nil || !c.StartCodes || string(c.SPS[0]) != "\x67\x42\xc0\x1e\xd9" {
		t.Errorf("with start codes: %+v, %v", c, err)
	} else if pps, err := c.PPS(); err != nil || string(pps[0]) != "\x68\xcb\x83\xcb" {
		t.Errorf("with start codes: %x, %v", pps, err)
	}
	for name, b := range map[string][]byte{"empty": {}, "of no sets": {1, 66, 0, 30, 0xff, 0xe0, 0}, "cut behind their number": {1, 66, 0, 30, 0xff, 0xe0}} {
		if _, err := ParseConfig(b); !errors.Is(err, ErrNoSets) || !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := ParseConfig(append(bytes.Clone(whole[:behind]), 0)); err != nil {
		t.Error(err)
	} else if _, err := c.PPS(); !errors.Is(err, ErrNoSets) {
		t.Errorf("without picture parameter sets: %v", err)
	}
	for name, change := range map[string]func([]byte){
		"another version":    func(b []byte) { b[0] = 2 },
		"no parameter sets":  func(b []byte) { b[5] = 0xe0 },
		"a set of pictures":  func(b []byte) { b[8] = 0x68 },
		"more than there is": func(b []byte) { b[6] = 1 },
	} {
		b := bytes.Clone(whole)
		change(b)
		if c, err := ParseConfig(b); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// The timing says how often pictures come, as another reader has it.
func TestFramesASecond(t *testing.T) {
	for _, c := range []struct {
		name string
		nal  []byte
		want float64
	}{
		{"x264", avcSets(t, avctest.AVC720), 30},
		{"a timing", spsModel{profile: 77, width: 80, height: 45, sar: 255, sarW: 4, sarH: 3, timing: true, hrd: true}.nal(), 30},
		{"no timing", spsModel{profile: 77, width: 80, height: 45, sar: 1}.nal(), 0},
		{"nothing behind the picture", spsModel{profile: 77, width: 80, height: 45, sar: -2}.nal(), 0},
	} {
		s, err := ParseSPS(c.nal)
		var other h264.SPS
		if err != nil || other.Unmarshal(c.nal) != nil || s.FPS != c.want || other.FPS() != c.want {
			t.Errorf("%s: %g and %g, %v, want %g", c.name, s.FPS, other.FPS(), err, c.want)
		}
	}
}

// An access unit is cut where its lengths say, and one that is not whole is not cut.
func TestUnits(t *testing.T) {
	for _, c := range []struct {
		au         []byte
		size       int
		unit, rest []byte
		ok         bool
	}{
		{[]byte{0, 0, 0, 2, 9, 8, 7}, 4, []byte{9, 8}, []byte{7}, true},
		{[]byte{1, 9}, 1, []byte{9}, []byte{}, true},
		{[]byte{0, 0}, 2, []byte{}, []byte{}, true},
		{[]byte{0, 0, 0, 2, 9}, 4, nil, nil, false},
		{[]byte{0, 0, 0}, 4, nil, nil, false},
		{[]byte{0xff, 0xff, 0xff, 0xff, 1}, 4, nil, nil, false},
	} {
		unit, rest, ok := NextUnit(c.au, c.size)
		if ok != c.ok || !bytes.Equal(unit, c.unit) || !bytes.Equal(rest, c.rest) {
			t.Errorf("%x: %x, %x, %v", c.au, unit, rest, ok)
		}
	}
}

// Bytes that are no configuration do no harm.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(avctest.AVC720))
	f.Add([]byte(avctest.AVCTiny))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		_, _ = c.PPS()
		for _, nal := range c.SPS {
			s, err := ParseSPS(nal)
			if err == nil && (s.Width < 16 || s.Height < 16 || s.CodedWidth > MaxSide || s.CodedHeight > MaxSide || s.Width > int(s.CodedWidth) || s.Height > int(s.CodedHeight)) {
				t.Fatalf("%+v", s)
			}
		}
		for au := b; len(au) > 0; {
			_, rest, ok := NextUnit(au, c.LengthSize)
			if !ok {
				break
			}
			au = rest
		}
	})
}
