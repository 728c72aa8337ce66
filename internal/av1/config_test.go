package av1

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/helios-h2020/pse/internal/av1/av1test"
)

func record(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(av1test.AV1360)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConfig(t *testing.T) {
	whole := record(t)
	c, err := ParseConfig(whole)
	if err != nil || c.Codec != "av01.0.01M.08" || c.Sequence.Width != 640 || c.Sequence.Height != 360 {
		t.Fatalf("%+v, %v", c, err)
	}
	var other av1.SequenceHeader
	if err := other.Unmarshal(whole[4:]); err != nil || other.Width() != 640 || other.Height() != 360 {
		t.Errorf("%dx%d, %v", other.Width(), other.Height(), err)
	}
	for n := range 10 {
		if _, err := ParseConfig(whole[:n]); !errors.Is(err, ErrConfig) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	high := append([]byte{0x81, 0x2c, 0xc0, 0}, whole[4:]...)
	if c, err := ParseConfig(high); err != nil || c.Codec != "av01.1.12H.10" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestInspect(t *testing.T) {
	header := string(record(t)[4:])
	for _, c := range []struct {
		unit                string
		frames, key, header bool
	}{
		{header + "\x32\x01\x10", true, true, true},
		{"\x12\x00" + header + "\x32\x01\x10", true, true, true},
		{"\x32\x01\x10", true, false, false},         // nothing says what it is of
		{header + "\x32\x01\x30", true, false, true}, // an inter frame
		{header + "\x32\x01\x00", true, false, true}, // a key frame that is not shown
		{header + "\x1a\x01\x80", true, false, true}, // one is shown again
		{"\x32\x01\x30\x32\x01\x10", true, false, false},
		{header, false, false, true},
	} {
		got, ok := Inspect([]byte(c.unit))
		if !ok || got.Frames != c.frames || got.Key != c.key || got.Header != c.header || got.Header && got.Sequence.Width != 640 {
			t.Errorf("%x: %+v, %v", c.unit, got, ok)
		}
	}
	for _, bad := range []string{"\x80", "\x32", "\x32\x05\x10", "\x32\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x36"} {
		if c, ok := Inspect([]byte(bad)); ok {
			t.Errorf("%x: %+v", bad, c)
		}
	}
	if got := TrimDelimiter([]byte("\x12\x00\x32\x01\x10")); string(got) != "\x32\x01\x10" {
		t.Errorf("%x", got)
	}
}

// Whatever it is, it does no harm.
func FuzzConfig(f *testing.F) {
	f.Add(record(f))
	f.Add([]byte("\x81\x01\x0c\x00\x12\x00\x0a\x01\xff\x32\x01\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseConfig(b); err == nil && (c.Sequence.Width > MaxSide || c.Sequence.Height > MaxSide || c.Sequence.Width < 16) {
			t.Fatalf("%+v", c)
		}
		_, _ = Inspect(b)
		TrimDelimiter(b)
	})
}
