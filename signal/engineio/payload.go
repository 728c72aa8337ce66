package engineio

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	separator   = 0x1e // between packets of a revision 4 payload
	binaryEnd   = 0xff // after a length in a binary payload of revision 3
	longestSize = 10   // digits of a length
)

const (
	typeText   = "text/plain; charset=UTF-8"
	typeBinary = "application/octet-stream"
)

// payload reads the packets of a POST body one by one, so that a body of tiny
// packets takes no more memory than one of large ones. It ends at the first error.
func (c codec) payload(b []byte, binary bool) iter.Seq2[Packet, error] {
	switch {
	case c.version == 4:
		return c.payload4(b)
	case binary:
		return c.payload3Binary(b)
	}
	return c.payload3(b)
}

// payload4 is revision 4, "Payload encoding": packets between separators.
func (c codec) payload4(b []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for part := range bytes.SplitSeq(b, []byte{separator}) {
			p, err := c.decodeText(part)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// payload3 is revision 3, "Payload" as text: <length>:<packet>, the length
// in UTF-16 code units, as JavaScript counts.
func (c codec) payload3(b []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for ok := true; ok; ok = len(b) > 0 {
			n, rest, good := cutSize(b, ':')
			if good {
				n, good = bytesOfUnits(rest, n)
			}
			if !good {
				yield(Packet{}, errPacket)
				return
			}
			p, err := c.decodeText(rest[:n])
			if !yield(p, err) || err != nil {
				return
			}
			b = rest[n:]
		}
	}
}

// payload3Binary is revision 3, "Payload" as bytes: 0 for text or 1 for
// binary, the digits of the length in bytes, 255, the packet.
func (c codec) payload3Binary(b []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for ok := true; ok; ok = len(b) > 0 {
			if len(b) == 0 || b[0] > 1 {
				yield(Packet{}, errPacket)
				return
			}
			text := b[0] == 0
			n, rest, good := cutDigits(b[1:])
			if !good || n > len(rest) {
				yield(Packet{}, errPacket)
				return
			}
			decode := c.decodeBinary
			if text {
				decode = c.decodeText
			}
			p, err := decode(rest[:n])
			if !yield(p, err) || err != nil {
				return
			}
			b = rest[n:]
		}
	}
}

// cutSize takes a decimal number and what ends it from b.
func cutSize(b []byte, end byte) (n int, rest []byte, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), longestSize+1)], end)
	if i < 1 {
		return 0, nil, false
	}
	for _, d := range b[:i] {
		if d < '0' || d > '9' {
			return 0, nil, false
		}
		n = 10*n + int(d-'0')
	}
	return n, b[i+1:], true
}

// cutDigits takes a number whose digits are bytes 0 to 9 from b.
func cutDigits(b []byte) (n int, rest []byte, ok bool) {
	i := bytes.IndexByte(b[:min(len(b), longestSize+1)], binaryEnd)
	if i < 1 {
		return 0, nil, false
	}
	for _, d := range b[:i] {
		if d > 9 {
			return 0, nil, false
		}
		n = 10*n + int(d)
	}
	return n, b[i+1:], true
}

// bytesOfUnits is how many bytes the first n UTF-16 code units of b take.
func bytesOfUnits(b []byte, n int) (size int, ok bool) {
	for n > 0 && size < len(b) {
		r, w := utf8.DecodeRune(b[size:])
		n -= unitsOf(r)
		size += w
	}
	return size, n == 0
}

func unitsOf(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

func units(b []byte) (n int) {
	for len(b) > 0 {
		r, w := utf8.DecodeRune(b)
		n += unitsOf(r)
		b = b[w:]
	}
	return n
}

// encode writes packets as the body of a poll's answer.
func (c codec) encode(ps []Packet) (contentType string, body []byte) {
	size := 0
	for _, p := range ps {
		size += len(p.Data) + 16
	}
	b := make([]byte, 0, size)
	if c.version == 3 {
		if !c.base64 && slices.ContainsFunc(ps, func(p Packet) bool { return p.Binary }) {
			return typeBinary, c.appendBinary3(b, ps)
		}
		return typeText, c.append3(b, ps)
	}
	text := codec{version: 4, base64: true} // polling has no binary in revision 4
	for i, p := range ps {
		if i > 0 {
			b = append(b, separator)
		}
		b = text.append(b, p)
	}
	return typeText, b
}

func (c codec) append3(b []byte, ps []Packet) []byte {
	for _, p := range ps {
		if p.Binary {
			coded := c.appendBase64(nil, p)
			b = append(append(strconv.AppendInt(b, int64(len(coded)), 10), ':'), coded...)
			continue
		}
		b = append(strconv.AppendInt(b, int64(1+units(p.Data)), 10), ':', byte(p.Type))
		b = append(b, p.Data...)
	}
	return b
}

func (c codec) appendBinary3(b []byte, ps []Packet) []byte {
	for _, p := range ps {
		kind, typ := byte(0), byte(p.Type)
		if p.Binary {
			kind, typ = 1, byte(p.Type)-'0'
		}
		b = append(b, kind)
		from := len(b)
		b = strconv.AppendInt(b, int64(1+len(p.Data)), 10)
		for i := range b[from:] {
			b[from+i] -= '0'
		}
		b = append(append(b, binaryEnd, typ), p.Data...)
	}
	return b
}
