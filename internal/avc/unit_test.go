package avc

import (
	"testing"

	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// What is in a payload, and where an access unit begins.
func TestInspect(t *testing.T) {
	slice := func(header byte, first, pps uint64) []byte {
		w := &avctest.BitWriter{}
		w.Bits(uint64(header), 8)
		w.UE(first, 7, pps)
		w.Bits(0x5a5a, 16)
		return w.NAL()
	}
	for _, c := range []struct {
		name  string
		units [][]byte
		want  Contents
	}{
		{"a picture", [][]byte{slice(0x41, 0, 3)}, Contents{Slices: true, Begins: true, PPS: 3}},
		{"an IDR picture with all it needs", [][]byte{{9, 0xf0}, {0x67, 1}, {0x68, 1}, {6, 1}, slice(0x65, 0, 0), slice(0x65, 40, 0)}, Contents{Slices: true, IDR: true, Sets: true, Begins: true}},
		{"its second slice", [][]byte{slice(0x65, 40, 255)}, Contents{Slices: true, IDR: true, PPS: 255}},
		{"the last of many", [][]byte{slice(0x41, 36_863, 0)}, Contents{Slices: true}},
		{"partition B", [][]byte{{0x43, 1}}, Contents{PPS: -1}},
		{"SEI", [][]byte{{6, 5, 1}}, Contents{Begins: true, PPS: -1}},
		{"sets", [][]byte{{0x67, 1}, {0x68, 1}}, Contents{Sets: true, Begins: true, PPS: -1}},
		{"the end of the stream", [][]byte{{11}}, Contents{PPS: -1}},
		{"filler", [][]byte{{12, 0xff, 0x80}}, Contents{PPS: -1}},
		{"a slice of zeros", [][]byte{make([]byte, 30), {0x41, 0, 0, 0, 0, 0, 0}}, Contents{Slices: true, PPS: -1}},
		{"nothing", nil, Contents{PPS: -1}},
	} {
		var b []byte
		for _, u := range c.units {
			b = append(append(b, 0, 0, 0, byte(len(u))), u...)
		}
		if got, ok := Inspect(b, 4); !ok || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, ok, c.want)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = Inspect(b, 4) }); n != 0 {
			t.Errorf("%s: %g allocations", c.name, n)
		}
	}
	if _, ok := Inspect([]byte{0, 0, 0, 9, 0x41}, 4); ok {
		t.Error("a unit that is cut short passes")
	}
}
