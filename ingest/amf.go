package ingest

import (
	"encoding/binary"
	"math"
)

// AMF0 markers (AMF 0 specification, 2.1).
const (
	amfNumber      = 0
	amfBoolean     = 1
	amfString      = 2
	amfObject      = 3
	amfNull        = 5
	amfUndefined   = 6
	amfECMAArray   = 8
	amfObjectEnd   = 9
	amfStrictArray = 10
	amfDate        = 11
	amfLongString  = 12
	amfUnsupported = 13
)

// Limits of what a publisher may send in AMF0.
const (
	amfDepth = 16
	amfNodes = 2048
)

// amfWalker goes through AMF0 values without recursion on unbounded input
// and without building anything.
type amfWalker struct {
	nodes int
	// field is called for the numbers, strings and booleans of the outermost
	// objects, with the property's name. It may be nil.
	field func(name string, v []byte)
}

// checkAMF says whether b is a sequence of AMF0 values within the limits. It
// turns markers that go-amf0 cannot decode (undefined, unsupported) into null, in place.
func checkAMF(b []byte) error {
	w := amfWalker{}
	return w.all(b)
}

// amfFields calls f for the scalar properties of the objects in b; v is a
// value as it is encoded, marker first.
func amfFields(b []byte, f func(name string, v []byte)) error {
	w := amfWalker{field: f}
	return w.all(b)
}

func (w *amfWalker) all(b []byte) error {
	for len(b) > 0 {
		n, err := w.value(b, 0)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// value returns the size of the value at the start of b.
func (w *amfWalker) value(b []byte, depth int) (int, error) {
	if w.nodes++; depth > amfDepth || w.nodes > amfNodes || len(b) == 0 {
		return 0, errAMF
	}
	n := 0
	switch b[0] {
	case amfNumber:
		n = 9
	case amfBoolean:
		n = 2
	case amfString:
		if len(b) < 3 {
			return 0, errAMF
		}
		n = 3 + int(binary.BigEndian.Uint16(b[1:]))
	case amfUndefined, amfUnsupported:
		b[0] = amfNull
		n = 1
	case amfNull:
		n = 1
	case amfDate:
		n = 11
	case amfLongString:
		if len(b) < 5 {
			return 0, errAMF
		}
		n = 5 + int(min(binary.BigEndian.Uint32(b[1:]), math.MaxInt32))
	case amfObject:
		return w.object(b, 1, depth)
	case amfECMAArray: // its count is only a hint
		return w.object(b, 5, depth)
	case amfStrictArray:
		return w.array(b, depth)
	default:
		return 0, errAMF
	}
	if n > len(b) {
		return 0, errAMF
	}
	return n, nil
}

func (w *amfWalker) object(b []byte, at, depth int) (int, error) {
	for {
		if len(b) < at+3 {
			return 0, errAMF
		}
		k := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		if k == 0 {
			if b[at] != amfObjectEnd {
				return 0, errAMF
			}
			return at + 1, nil
		}
		if len(b) < at+k+1 {
			return 0, errAMF
		}
		name := b[at : at+k]
		at += k
		n, err := w.value(b[at:], depth+1)
		if err != nil {
			return 0, err
		}
		if w.field != nil && depth == 0 && b[at] <= amfString {
			w.field(string(name), b[at:at+n])
		}
		at += n
	}
}

func (w *amfWalker) array(b []byte, depth int) (int, error) {
	if len(b) < 5 {
		return 0, errAMF
	}
	count, at := binary.BigEndian.Uint32(b[1:]), 5
	if count > amfNodes {
		return 0, errAMF
	}
	for range count {
		n, err := w.value(b[at:], depth+1)
		if err != nil {
			return 0, err
		}
		at += n
	}
	return at, nil
}

// amfText is the string that b starts with, and what follows it.
func amfText(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != amfString {
		return "", b, false
	}
	n := 3 + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < n {
		return "", b, false
	}
	return string(b[3:n]), b[n:], true
}

// amfFloat is the number that b starts with, 0 if it is none.
func amfFloat(b []byte) float64 {
	if len(b) < 9 || b[0] != amfNumber {
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func appendAMFString(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	b = append(b, amfString, byte(len(s)>>8), byte(len(s)))
	return append(b, s...)
}

func appendAMFNumber(b []byte, f float64) []byte {
	b = append(b, amfNumber)
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

// appendAMFObject appends an object of strings: name, value, name, value...
func appendAMFObject(b []byte, pairs ...string) []byte {
	b = append(b, amfObject)
	for i := 0; i+1 < len(pairs); i += 2 {
		b = append(b, byte(len(pairs[i])>>8), byte(len(pairs[i])))
		b = append(b, pairs[i]...)
		b = appendAMFString(b, pairs[i+1])
	}
	return append(b, 0, 0, amfObjectEnd)
}
