package amf

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/yutopp/go-amf0"
)

// decodeAll lets the library's decoder read all values in b.
func decodeAll(b []byte) error {
	for d := amf0.NewDecoder(bytes.NewReader(b)); ; {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// The AMF walker ends, and what it passes go-amf0 can take: as deep and as
// long as the limits say, no more.
func FuzzAMF(f *testing.F) {
	f.Add(AppendObject(AppendNumber(AppendString(nil, "connect"), 1), "app", "live"))
	f.Add([]byte{MarkerStrictArray, 0, 0, 0, 2, MarkerNull, MarkerUndefined, MarkerECMAArray, 0, 0, 0, 9, 0, 1, 'a', MarkerBoolean, 1, 0, 0, 9})
	f.Add([]byte{MarkerDate, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, MarkerLongString, 0, 0, 0, 1, 'x'})
	f.Add(bytes.Repeat([]byte{MarkerStrictArray, 0, 0, 0, 1}, 30))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.Clone(b)
		if Check(b) == nil {
			if err := decodeAll(b); err != nil {
				t.Logf("go-amf0: %v", err) // it may refuse; it may not panic
			}
		}
		_ = Fields(b, func(_ string, v []byte) {
			_ = Float(v)
			_, _, _ = Text(v)
		})
		_, _, _ = Text(b)
	})
}
