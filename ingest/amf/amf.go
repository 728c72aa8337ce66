// Package amf reads and writes AMF0, in which RTMP's commands and FLV's script
// data are written (AMF 0 specification), under limits: it walks through values
// where they lie, builds nothing of them, and does not recurse without bound.
package amf

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrMalformed says that bytes are no AMF0, or over the limits.
var ErrMalformed = errors.New("malformed AMF0, or over its limits")

// Markers, the first byte of each value (AMF 0 specification, 2.1).
const (
	MarkerNumber      = 0
	MarkerBoolean     = 1
	MarkerString      = 2
	MarkerObject      = 3
	MarkerNull        = 5
	MarkerUndefined   = 6
	MarkerECMAArray   = 8
	MarkerObjectEnd   = 9
	MarkerStrictArray = 10
	MarkerDate        = 11
	MarkerLongString  = 12
	MarkerUnsupported = 13
)

// Limits of what a publisher may send.
const (
	maxDepth = 16
	maxNodes = 2048
)

// walker goes through AMF0 values without recursion on unbounded input
// and without building anything.
type walker struct {
	nodes int
	// field is called for the properties of the outermost objects. It may be nil.
	field func(name string, v []byte)
}

// Check says whether b is a sequence of AMF0 values within the limits (else
// ErrMalformed). It turns markers that go-amf0 cannot decode (undefined, unsupported) into null, in place.
func Check(b []byte) error {
	w := walker{}
	return w.all(b)
}

// Skip is what follows the value that b starts with. It fails as Check does.
func Skip(b []byte) (rest []byte, err error) {
	w := walker{}
	n, err := w.value(b, 0)
	if err != nil {
		return nil, err
	}
	return b[n:], nil
}

// Fields calls f for the scalar properties of the objects in b; v is a
// value as it is encoded, marker first. It fails as Check does.
func Fields(b []byte, f func(name string, v []byte)) error {
	return Properties(b, func(name string, v []byte) {
		if v[0] <= MarkerString {
			f(name, v)
		}
	})
}

// Properties calls f for all properties of the objects in b, as Fields does.
func Properties(b []byte, f func(name string, v []byte)) error {
	w := walker{field: f}
	return w.all(b)
}

func (w *walker) all(b []byte) error {
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
func (w *walker) value(b []byte, depth int) (int, error) {
	if w.nodes++; depth > maxDepth || w.nodes > maxNodes || len(b) == 0 {
		return 0, ErrMalformed
	}
	n := 0
	switch b[0] {
	case MarkerNumber:
		n = 9
	case MarkerBoolean:
		n = 2
	case MarkerString:
		if len(b) < 3 {
			return 0, ErrMalformed
		}
		n = 3 + int(binary.BigEndian.Uint16(b[1:]))
	case MarkerUndefined, MarkerUnsupported:
		b[0] = MarkerNull
		n = 1
	case MarkerNull:
		n = 1
	case MarkerDate:
		n = 11
	case MarkerLongString:
		if len(b) < 5 {
			return 0, ErrMalformed
		}
		n = 5 + int(min(binary.BigEndian.Uint32(b[1:]), math.MaxInt32))
	case MarkerObject:
		return w.object(b, 1, depth)
	case MarkerECMAArray: // its count is only a hint
		return w.object(b, 5, depth)
	case MarkerStrictArray:
		return w.array(b, depth)
	default:
		return 0, ErrMalformed
	}
	if n > len(b) {
		return 0, ErrMalformed
	}
	return n, nil
}

func (w *walker) object(b []byte, at, depth int) (int, error) {
	for {
		if len(b) < at+3 {
			return 0, ErrMalformed
		}
		k := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		if k == 0 {
			if b[at] != MarkerObjectEnd {
				return 0, ErrMalformed
			}
			return at + 1, nil
		}
		if len(b) < at+k+1 {
			return 0, ErrMalformed
		}
		name := b[at : at+k]
		at += k
		n, err := w.value(b[at:], depth+1)
		if err != nil {
			return 0, err
		}
		if w.field != nil && depth == 0 {
			w.field(string(name), b[at:at+n])
		}
		at += n
	}
}

func (w *walker) array(b []byte, depth int) (int, error) {
	if len(b) < 5 {
		return 0, ErrMalformed
	}
	count, at := binary.BigEndian.Uint32(b[1:]), 5
	if count > maxNodes {
		return 0, ErrMalformed
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

// Text is the string that b starts with, and what follows it.
func Text(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != MarkerString {
		return "", b, false
	}
	n := 3 + int(binary.BigEndian.Uint16(b[1:]))
	if len(b) < n {
		return "", b, false
	}
	return string(b[3:n]), b[n:], true
}

// Float is the number that b starts with, 0 if it is none.
func Float(b []byte) float64 {
	if len(b) < 9 || b[0] != MarkerNumber {
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(b[1:]))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// AppendString appends a string, of which there is room for 64 KiB.
func AppendString(b []byte, s string) []byte {
	s = s[:min(len(s), math.MaxUint16)]
	b = append(b, MarkerString, byte(len(s)>>8), byte(len(s)))
	return append(b, s...)
}

// AppendNumber appends a number.
func AppendNumber(b []byte, f float64) []byte {
	b = append(b, MarkerNumber)
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

// AppendName appends the name of an object's property, which its value follows.
func AppendName(b []byte, name string) []byte {
	return append(append(b, byte(len(name)>>8), byte(len(name))), name...)
}

// AppendObject appends an object of strings: name, value, name, value...
func AppendObject(b []byte, pairs ...string) []byte {
	b = append(b, MarkerObject)
	for i := 0; i+1 < len(pairs); i += 2 {
		b = AppendString(AppendName(b, pairs[i]), pairs[i+1])
	}
	return append(b, 0, 0, MarkerObjectEnd)
}
