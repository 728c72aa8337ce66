package avc

import (
	"bytes"
	"testing"

	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// A record made of sets is read as what they are, as x264's own is.
func TestRecordOfSets(t *testing.T) {
	for _, record := range []string{avctest.AVC720, avctest.AVCTiny} {
		c, err := ParseConfig([]byte(record))
		if err != nil {
			t.Fatal(err)
		}
		pps, err := c.PPS()
		if err != nil {
			t.Fatal(err)
		}
		var s Sets
		for _, nal := range append(c.SPS, pps...) {
			if s.Has(nal) {
				t.Errorf("%x is there before it is added", nal)
			}
			for i := range 2 {
				if changed, err := s.Add(nal); err != nil || changed != (i == 0) {
					t.Errorf("%x: %v, %v", nal, changed, err)
				}
			}
		}
		want := record
		if c.SPS[0][1] == 100 {
			want += "\xfd\xf8\xf8\x00"
		}
		if got := s.Record(c.LengthSize, s.Active(0)); string(got) != want {
			t.Errorf("%x\nwant %x", got, want)
		}
	}
}

// The set that the pictures name leads, the newest of its id.
func TestActiveSet(t *testing.T) {
	set := func(kind byte, id, refers, width uint64) []byte {
		w := &avctest.BitWriter{}
		w.Bits(uint64(kind), 8)
		if kind == 0x67 {
			w.Bits(0x42001e, 24)
			w.UE(id, width)
		} else {
			w.UE(id, refers)
		}
		return w.NAL()
	}
	var s Sets
	if s.Active(0) != nil {
		t.Error("a set of none")
	}
	a, b, b2 := set(0x67, 0, 0, 1), set(0x67, 1, 0, 2), set(0x67, 1, 0, 3)
	for _, nal := range [][]byte{a, b, set(0x68, 0, 0, 0), set(0x68, 7, 1, 0), b2} {
		if changed, err := s.Add(nal); !changed || err != nil {
			t.Fatal(changed, err)
		}
	}
	for pps, want := range map[int][]byte{0: a, 7: b2, 9: a, -1: a} {
		if got := s.Active(pps); !bytes.Equal(got, want) {
			t.Errorf("of pictures that name %d: %x", pps, got)
		}
	}
	if c, err := ParseConfig(s.Record(4, b2)); err != nil || len(c.SPS) != 2 || !bytes.Equal(c.SPS[0], b2) || !bytes.Equal(c.SPS[1], a) {
		t.Errorf("%+v, %v", c, err)
	}
}

// Sets are bounded, whatever comes.
func FuzzSets(f *testing.F) {
	f.Add([]byte("\x00\x05\x67\x42\x00\x1e\xd9\x00\x04\x68\xcb\x83\xcb"))
	f.Add([]byte("\x00\x04\x68\x08\x00\x01\x00\x02\x65\x88"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Sets
		for len(b) > 0 {
			nal, rest, ok := NextUnit(b, 2)
			if !ok {
				break
			}
			b = rest
			_, err := s.Add(nal)
			if (err == nil) != s.Has(nal) {
				t.Fatalf("%x: %v", nal, err)
			}
		}
		if s.bytes > maxSetsBytes || len(s.sps) > 31 || len(s.pps) > 255 {
			t.Fatalf("%d bytes, %d and %d sets", s.bytes, len(s.sps), len(s.pps))
		}
		active := s.Active(0)
		if active == nil {
			return
		}
		c, err := ParseConfig(s.Record(4, active))
		if err != nil || !bytes.Equal(c.SPS[0], active) || len(c.SPS) != len(s.sps) {
			t.Fatalf("%+v, %v", c, err)
		}
		if pps, err := c.PPS(); err != nil || len(pps) != len(s.pps) {
			t.Fatalf("%d of %d sets, %v", len(pps), len(s.pps), err)
		}
	})
}
