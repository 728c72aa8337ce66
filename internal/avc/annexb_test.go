package avc

import (
	"bytes"
	"testing"
)

// Start codes become lengths, and lengths stay as they are.
func TestStartCodes(t *testing.T) {
	for _, c := range []struct {
		name, in, out string
		changed       bool
	}{
		{"lengths", "\x00\x00\x00\x02\x65\x88\x00\x00\x00\x01\x0b", "", false},
		{"a length that looks like a start code", "\x00\x00\x01\x02\x65" + string(bytes.Repeat([]byte{7}, 257)), "", false},
		{"start codes", "\x00\x00\x00\x01\x67\x42\x00\x00\x01\x68\xce\x00\x00\x00\x01\x65\x88\x80", "\x00\x00\x00\x02\x67\x42\x00\x00\x00\x02\x68\xce\x00\x00\x00\x03\x65\x88\x80", true},
		{"zeros behind a unit", "\x00\x00\x01\x67\x42\x00\x00\x00\x00\x00\x01\x65\x88", "\x00\x00\x00\x02\x67\x42\x00\x00\x00\x02\x65\x88", true},
		{"a length, then start codes", "\x00\x00\x00\x0d\x67\x42\x00\x00\x00\x01\x68\xce\x00\x00\x01\x65\x88", "\x00\x00\x00\x02\x67\x42\x00\x00\x00\x02\x68\xce\x00\x00\x00\x02\x65\x88", true},
		{"a length before a start code", "\x00\x00\x00\x06\x00\x00\x00\x01\x65\x88", "\x00\x00\x00\x02\x65\x88", true},
		{"no start code, though no emulation prevention either", "\x00\x00\x00\x06\x06\x05\x00\x00\x01\xff", "", false},
	} {
		out, changed, ok := AppendLengths([]byte("head"), []byte(c.in), 4)
		if !ok || changed != c.changed || string(out) != "head"+c.out {
			t.Errorf("%s: %x, %v, %v", c.name, out, changed, ok)
		}
	}
	for name, in := range map[string]string{
		"neither":  "\x00\x00\x00\x09\x65\x88",
		"too long": "\x00\x00\x01\x65" + string(bytes.Repeat([]byte{7}, 300)), // for one byte of length
	} {
		if out, _, ok := AppendLengths(nil, []byte(in), 1+3*(len(in)%2)); ok && name == "neither" {
			t.Errorf("%s: %x", name, out)
		}
	}
	if _, _, ok := AppendLengths(nil, []byte("\x00\x00\x01\x65"+string(bytes.Repeat([]byte{7}, 300))), 1); ok {
		t.Error("300 bytes are given a length of one byte")
	}
}

// Units with start codes become units with lengths that are whole, of no more bytes
// than their lengths add, and with no start code left.
func FuzzLengths(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67\x42\x00\x00\x01\x68\xce\x00\x00\x00\x01\x65\x88\x80"), 4)
	f.Add([]byte("\x00\x00\x00\x0d\x67\x42\x00\x00\x00\x01\x68\xce\x00\x00\x01\x65\x88"), 4)
	f.Add([]byte("\x00\x02\x65\x88"), 2)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		size = 1 + size&3
		out, changed, ok := AppendLengths(nil, b, size)
		if !changed || !ok {
			if ok && len(out) > 0 {
				t.Fatalf("%x of what needs nothing", out)
			}
			_, _ = Inspect(b, size)
			return
		}
		if len(out) > 3*len(b) {
			t.Fatalf("%d bytes of %d", len(out), len(b))
		}
		if _, ok := Inspect(out, size); !ok {
			t.Fatalf("%x is not whole", out)
		}
		if again, changed, ok := AppendLengths(nil, out, size); changed || !ok {
			t.Fatalf("%x once more: %x, %v", out, again, ok)
		}
	})
}
