package avc

import (
	"slices"
	"testing"

	"github.com/helios-h2020/pse/internal/avc/avctest"
)

// withLength puts the length before a NAL unit.
func withLength(unit []byte) []byte {
	n := len(unit)
	return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, unit...)
}

func TestCaptions(t *testing.T) {
	slice := withLength([]byte{0x65, 0x88, 0x80})
	sei := func(pairs ...[2]byte) []byte { return withLength(avctest.Captions(pairs...)) }
	data := func(triplets ...byte) []byte {
		m := append([]byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte(len(triplets)/3), 0xff}, triplets...)
		return withLength(append(append([]byte{6, 4, byte(len(m))}, m...), 0x80))
	}
	for _, c := range []struct {
		name string
		au   []byte
		want []string
	}{
		{"none", slice, nil},
		{"text", slices.Concat(sei(avctest.RollUp("Hi")...), slice), []string{"CC1"}},
		{"silence", slices.Concat(sei([2]byte{0x80, 0x80}), slice), []string{"CC1"}},
		{"behind other messages", slices.Concat(withLength([]byte{6, 5, 2, 1, 2, 0x80}), sei([2]byte{0x80, 0x80}), slice), []string{"CC1"}},
		{"channel 2", slices.Concat(data(0xfc, 0x1c, 0x20), slice), []string{"CC1", "CC2"}},
		{"field 2", slices.Concat(data(0xfd, 0x15, 0x29, 0xfd, 0x1d, 0x25), slice), []string{"CC3", "CC4"}},
		{"CEA-708", slices.Concat(data(0xff, 0x02, 0x21, 0xff, 0x02, 0x42), slice), []string{"SERVICE1", "SERVICE2"}},
		{"both kinds", slices.Concat(data(0xfc, 0x94, 0xa0, 0xff, 0x02, 0x21), slice), []string{"CC1"}},
		{"not valid", slices.Concat(data(0xf8, 0x14, 0x20), slice), nil},
		{"behind the picture", slices.Concat(slice, data(0xfc, 0x14, 0x20)), nil},
		{"cut short", sei([2]byte{0x80, 0x80})[:12], nil},
	} {
		if got := CaptionsOf(c.au, 4).Names(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzCaptions(f *testing.F) {
	f.Add(withLength(avctest.Captions(avctest.RollUp("Hello")...)))
	f.Add(withLength([]byte{6, 4, 255, 255, 1, 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x5f}))
	f.Fuzz(func(t *testing.T, au []byte) {
		if names := CaptionsOf(au, 4).Names(); len(names) > 6 {
			t.Fatal(names)
		}
	})
}
