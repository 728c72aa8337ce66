package bus

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func batchOf(signals ...Signal) (b []byte) {
	for i := range signals {
		b = signals[i].Append(b)
	}
	return b
}

func TestSignalsOnTheWire(t *testing.T) {
	all := []Signal{
		{Room: "kitchen", From: "a", To: "b", Kind: 'm', ID: "c1", Name: "message", Args: [][]byte{[]byte(`{"z":1, "a":2}`), {}}, Attachments: [][]byte{{0, 255}}},
		{Room: "r", Kind: 'g', From: "a"},
	}
	b := batchOf(all...)
	got, err := ParseSignals(b)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := 1; i < len(b); i++ {
		if got, err := ParseSignals(b[:i]); err == nil && len(got) != 1 || err != nil && !errors.Is(err, ErrBadSignals) {
			t.Fatalf("cut to %d bytes: %+v, %v", i, got, err)
		}
	}
}

// What is parsed is what it was made from, whatever it was.
func FuzzParseSignals(f *testing.F) {
	f.Add(batchOf(Signal{Room: "r", From: "a", To: "b", Kind: 'm', ID: "1", Name: "message", Args: [][]byte{[]byte(`1`)}, Attachments: [][]byte{{1}}}))
	f.Add(batchOf(Signal{}, Signal{Kind: 'x'}))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := ParseSignals(b)
		if err != nil {
			return
		}
		again, err := ParseSignals(batchOf(all...))
		if err != nil || !reflect.DeepEqual(all, again) {
			t.Fatalf("%+v, %+v, %v", all, again, err)
		}
		if c := batchOf(all...); len(c) > len(b) || len(c) == len(b) && !bytes.Equal(b, c) {
			t.Fatalf("%x is %x", b, c)
		}
	})
}
