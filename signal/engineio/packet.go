package engineio

import (
	"encoding/base64"
	"unicode/utf8"
)

// A Type is a packet type, as the character that stands for it on the wire.
type Type byte

// The packet types (Protocol, "Packet types").
const (
	Open    Type = '0'
	Close   Type = '1'
	Ping    Type = '2'
	Pong    Type = '3'
	Message Type = '4'
	Upgrade Type = '5'
	Noop    Type = '6'
)

// A Packet is one unit of the protocol. Text is UTF-8; only messages are binary.
type Packet struct {
	Type   Type
	Binary bool   // Data is bytes, not text
	Data   []byte // without the type
}

// Text is a message of UTF-8 text.
func Text(data []byte) Packet { return Packet{Type: Message, Data: data} }

// Binary is a message of bytes.
func Binary(data []byte) Packet { return Packet{Type: Message, Binary: true, Data: data} }

// A codec encodes and decodes for one client.
type codec struct {
	version int  // 3 or 4
	base64  bool // revision 3 with b64=1: no binary on any transport
}

// decodeText reads a packet from text: a WebSocket text message, or a part of
// a payload. Its data is a piece of b unless it was base64.
//
// Text that is no UTF-8 ends the session: passed on, it would end the
// WebSocket of the client that receives it (RFC 6455, 8.1).
func (c codec) decodeText(b []byte) (Packet, error) {
	if len(b) == 0 {
		return Packet{}, errPacket
	}
	if b[0] == 'b' {
		return c.decodeBase64(b[1:])
	}
	if b[0] < '0' || b[0] > '6' || !utf8.Valid(b) {
		return Packet{}, errPacket
	}
	return Packet{Type: Type(b[0]), Data: b[1:]}, nil
}

func (c codec) decodeBase64(b []byte) (Packet, error) {
	if c.version == 3 { // the type comes first also here
		if len(b) == 0 || b[0] != byte(Message) {
			return Packet{}, errPacket
		}
		b = b[1:]
	}
	data := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Decode(data, b)
	if err != nil {
		return Packet{}, errPacket
	}
	return Binary(data[:n]), nil
}

// decodeBinary reads a packet from bytes: a WebSocket binary message. In
// revision 3 the first byte is the type's number, not its character.
func (c codec) decodeBinary(b []byte) (Packet, error) {
	if c.version == 4 {
		return Binary(b), nil
	}
	if len(b) == 0 || b[0] != byte(Message)-'0' {
		return Packet{}, errPacket
	}
	return Binary(b[1:]), nil
}

// asText reports whether p is written as text.
func (c codec) asText(p Packet) bool { return !p.Binary || c.base64 }

// size is how long append makes a packet.
func (c codec) size(p Packet) int {
	switch {
	case !p.Binary:
		return 1 + len(p.Data)
	case c.base64 && c.version == 3:
		return 2 + base64.StdEncoding.EncodedLen(len(p.Data))
	case c.base64:
		return 1 + base64.StdEncoding.EncodedLen(len(p.Data))
	case c.version == 3:
		return 1 + len(p.Data)
	}
	return len(p.Data)
}

// append writes p as a WebSocket message of the kind that asText says.
func (c codec) append(b []byte, p Packet) []byte {
	switch {
	case !p.Binary:
		return append(append(b, byte(p.Type)), p.Data...)
	case c.base64:
		return c.appendBase64(b, p)
	case c.version == 3:
		return append(append(b, byte(p.Type)-'0'), p.Data...)
	}
	return append(b, p.Data...)
}

func (c codec) appendBase64(b []byte, p Packet) []byte {
	b = append(b, 'b')
	if c.version == 3 {
		b = append(b, byte(p.Type))
	}
	return base64.StdEncoding.AppendEncode(b, p.Data)
}
