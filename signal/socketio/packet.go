package socketio

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/helios-h2020/pse/signal/engineio"
)

// kind is a packet type, as the character that stands for it.
type kind byte

// The packet types (Protocol, "Packet types").
const (
	kindConnect      kind = '0'
	kindDisconnect   kind = '1'
	kindEvent        kind = '2'
	kindAck          kind = '3'
	kindConnectError kind = '4'
	kindBinaryEvent  kind = '5'
	kindBinaryAck    kind = '6'
)

const (
	longestNamespace = 1024 // bytes, with the query of revision 4
	longestNumber    = 15   // digits: JavaScript counts exactly so far
)

// A packet is what came in one text message (Protocol, "Packet encoding").
// Everything in it is a piece of that text.
type packet struct {
	kind        kind
	attachments int // binary messages that follow
	namespace   string
	id          int64 // of the acknowledgement; -1 = none
	data        []byte
	args        []json.RawMessage // of data, if that is an array
}

func (k kind) binary() bool { return k == kindBinaryEvent || k == kindBinaryAck }

// decode reads a packet:
//
//	<type>[<attachments>-][<namespace>,][<id>][<JSON>]
func decode(b []byte, maxAttachments int) (packet, error) {
	p := packet{namespace: "/", id: -1}
	if len(b) == 0 || b[0] < '0' || b[0] > '6' || kind(b[0]) == kindConnectError {
		return p, errPacket
	}
	p.kind, b = kind(b[0]), b[1:]
	if p.kind.binary() {
		n, rest, ok := cutNumber(b)
		if !ok || n < 1 || n > int64(maxAttachments) || len(rest) == 0 || rest[0] != '-' {
			return p, errPacket
		}
		p.attachments, b = int(n), rest[1:]
	}
	if len(b) > 0 && b[0] == '/' {
		name, rest, _ := bytes.Cut(b, []byte{','})
		if len(name) > longestNamespace {
			return p, errPacket
		}
		p.namespace, b = string(name), rest
	}
	if len(b) > 0 && '0' <= b[0] && b[0] <= '9' {
		var ok bool
		if p.id, b, ok = cutNumber(b); !ok {
			return p, errPacket
		}
	}
	p.data = b
	return p, p.check()
}

// check looks at a packet's data, which depends on its type.
func (p *packet) check() error {
	ok := false
	switch p.kind {
	case kindConnect:
		ok = len(p.data) == 0 || isObject(p.data)
	case kindDisconnect:
		ok = len(p.data) == 0
	case kindEvent, kindBinaryEvent:
		p.args, ok = elements(p.data)
		ok = ok && len(p.args) > 0
	case kindAck, kindBinaryAck:
		p.args, ok = elements(p.data)
		ok = ok && p.id >= 0
	}
	if ok && p.kind.binary() {
		ok = placed(p.data, p.attachments)
	}
	if !ok {
		return errPacket
	}
	return nil
}

// name is the name of an event, its first argument. A number is one too. The
// names that a client's own library uses are none.
func (p *packet) name() (string, error) {
	first := p.args[0]
	if first[0] == '-' || '0' <= first[0] && first[0] <= '9' {
		return string(first), nil
	}
	s, ok := Text(first)
	if !ok {
		return "", errPacket
	}
	switch s {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return "", errPacket
	}
	return s, nil
}

func cutNumber(b []byte) (n int64, rest []byte, ok bool) {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == 0 || i > longestNumber {
		return 0, nil, false
	}
	n, err := strconv.ParseInt(string(b[:i]), 10, 64)
	return n, b[i:], err == nil
}

// encode writes the text of a packet that has so many attachments.
func encode(k kind, namespace string, id int64, data []byte, attachments int) []byte {
	b := appendHead(make([]byte, 0, len(data)+len(namespace)+longestHead), k, namespace, id, attachments)
	return append(b, data...)
}

// encodeEvent writes an event's text.
func encodeEvent(namespace string, id int64, e Event, recoverable bool) []byte {
	b := appendHead(make([]byte, 0, e.size()+len(namespace)+longestHead), kindEvent, namespace, id, len(e.Attachments))
	return e.append(b, recoverable)
}

// longestHead is what appendHead writes besides the namespace, usually.
const longestHead = 24

// appendHead writes a packet up to its data. With attachments an event or
// acknowledgement becomes a binary one.
func appendHead(b []byte, k kind, namespace string, id int64, attachments int) []byte {
	if attachments > 0 {
		b = append(b, byte(k)+byte(kindBinaryEvent-kindEvent))
		b = append(strconv.AppendInt(b, int64(attachments), 10), '-')
	} else {
		b = append(b, byte(k))
	}
	if namespace != "/" {
		b = append(append(b, namespace...), ',')
	}
	if id >= 0 {
		b = strconv.AppendInt(b, id, 10)
	}
	return b
}

// packets are a packet's text and its attachments, as they follow each other.
func packets(text []byte, attachments [][]byte) []engineio.Packet {
	ps := make([]engineio.Packet, 1, 1+len(attachments))
	ps[0] = engineio.Text(text)
	for _, a := range attachments {
		ps = append(ps, engineio.Binary(a))
	}
	return ps
}

// appendArray writes values as a JSON array.
func appendArray(b []byte, values []json.RawMessage) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}
