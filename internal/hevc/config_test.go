package hevc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/helios-h2020/pse/internal/hevc/hevctest"
)

func record(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(hevctest.HEVC360)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is cut short is said to be so, wherever it ends.
func TestConfig(t *testing.T) {
	whole := record(t)
	c, err := ParseConfig(whole)
	if err != nil || c.LengthSize != 4 || c.Codec != "hvc1.1.6.L63.90" {
		t.Fatalf("%+v, %v", c, err)
	}
	for n := range whole {
		if _, err := ParseConfig(whole[:n]); !errors.Is(err, ErrConfig) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	var other h265.SPS
	if err := other.Unmarshal(c.SPS()[0]); err != nil {
		t.Fatal(err)
	}
	s, err := ParseSPS(c.SPS()[0])
	if err != nil || s.Width != other.Width() || s.Height != other.Height() || s.Width != 640 || s.Height != 360 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ParseSPS(c.SPS()[0][:20]); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}

// Names by RFC 6381 as ISO/IEC 14496-15 E.3 has them.
func TestCodec(t *testing.T) {
	for _, c := range []struct{ digits, want string }{
		{"01600000009000000000005d", "hvc1.1.6.L93.90"},
		{"0160000000b0000000000078", "hvc1.1.6.L120.B0"},
		{"22200000009a000000000099", "hvc1.2.4.H153.9A"},
		{"410000000000000000000000", "hvc1.A1.0.L0"},
		{"0160000000900000000001ba", "hvc1.1.6.L186.90.0.0.0.0.1"},
	} {
		b, err := hex.DecodeString(c.digits)
		if err != nil {
			t.Fatal(err)
		}
		if got := codec(b); got != c.want {
			t.Errorf("%s: %s, want %s", c.digits, got, c.want)
		}
	}
}

// The sets of a configuration make it again, but for what is not in them.
func TestRecord(t *testing.T) {
	c, err := ParseConfig(record(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Record(4)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseConfig(b)
	if err != nil || again.Codec != c.Codec || again.LengthSize != 4 || !bytes.Equal(again.SPS()[0], c.SPS()[0]) || !bytes.Equal(b[:13], record(t)[:13]) || !bytes.Equal(b[16:19], record(t)[16:19]) {
		t.Errorf("% x\n%+v, %v", b, again, err)
	}
}

// units are NAL units of these types with lengths of 4 bytes.
func units(types ...byte) (b []byte) {
	for _, typ := range types {
		b = append(binary.BigEndian.AppendUint32(b, 3), typ<<1, 1, 0xaa)
	}
	return b
}

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		in                 []byte
		slices, irap, sets bool
	}{
		{units(1), true, false, false},
		{units(39, 19), true, true, false},
		{units(32, 33, 34, 21), true, true, true},
		{units(8, 21), true, false, false},
		{units(39), false, false, false},
		{units(24), true, false, false},
	} {
		got, ok := Inspect(c.in, 4)
		if want := (Contents{c.slices, c.irap, c.sets}); !ok || got != want {
			t.Errorf("% x: %+v, want %+v", c.in, got, want)
		}
	}
	if _, ok := Inspect(units(1, 1)[:13], 4); ok {
		t.Error("what is cut short is whole")
	}
}

// Whatever it is, it does no harm.
func FuzzConfig(f *testing.F) {
	f.Add(record(f), units(32, 33, 34, 21), uint8(3))
	f.Fuzz(func(t *testing.T, b, au []byte, size uint8) {
		n := int(size%4) + 1
		if _, ok := Inspect(au, n); ok {
			sets := SetsOf(au, n)
			if sets.Whole() {
				_, _ = sets.Record(4)
			}
		}
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		for _, nal := range c.SPS() {
			if s, err := ParseSPS(nal); err == nil && (s.Width > MaxSide || s.Height > MaxSide) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
