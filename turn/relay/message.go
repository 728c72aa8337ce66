package relay

import "encoding/binary"

// What the loop reads and writes itself: ChannelData (RFC 8656, 12.4), Send and
// Data indications (11), with XOR-PEER-ADDRESS and DATA in them (18.3, 18.4).
const (
	channelHeader = 4
	stunHeader    = 20
	attrHeader    = 4
	magicCookie   = 0x2112A442

	typeSend = 0x0016
	typeData = 0x0017

	attrXORPeerAddress = 0x0012
	attrPayload        = 0x0013
	attrDontFragment   = 0x001A
	attrOptional       = 0x8000 // from here on a receiver may ignore what it does not know

	family4, family6 = 1, 2

	// headers of Data indications, up to the payload
	dataHeader4 = stunHeader + attrHeader + 8 + attrHeader
	dataHeader6 = stunHeader + attrHeader + 20 + attrHeader
)

// LongestMessage is what a message that pion reads may have, bytes, and the payload that it relays:
// what clients on streams send, and get. Those on UDP may send and get what a datagram has.
const LongestMessage = 1600

// MessageSize is how long the message at the beginning of b is on a stream, with
// what it is padded by (RFC 8656, 12.5). 0: too little is there to tell. It fails
// with ErrNotTURN, or with ErrTooLong, and says then too how long it is.
func MessageSize(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch b[0] & 0xc0 {
	case 0:
		if n%4 != 0 || len(b) >= 8 && binary.BigEndian.Uint32(b[4:]) != magicCookie {
			return 0, ErrNotTURN
		}
		n += stunHeader
	case 0x40:
		n = channelHeader + (n+3)&^3
	default:
		return 0, ErrNotTURN
	}
	if n > LongestMessage {
		return n, ErrTooLong
	}
	return n, nil
}

// parseChannelData reads a ChannelData message: payload is b[channelHeader:][:n].
// What follows it is padding.
func parseChannelData(b []byte) (number uint16, n int, ok bool) {
	if len(b) < channelHeader || b[0]>>6 != 1 {
		return 0, 0, false
	}
	n = int(binary.BigEndian.Uint16(b[2:]))
	return binary.BigEndian.Uint16(b), n, n <= len(b)-channelHeader
}

// isSTUN tells whether it begins as STUN messages do.
func isSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]>>6 == 0 && binary.BigEndian.Uint32(b[4:]) == magicCookie
}

// isSend tells whether a STUN message is a Send indication.
func isSend(b []byte) bool { return binary.BigEndian.Uint16(b) == typeSend }

// A sending is what a Send indication asks for: the payload of the message is b[off:][:n].
type sending struct {
	peer   endpoint
	off, n int
	uncut  bool // it must not be fragmented (DONT-FRAGMENT)
}

// parseSend reads a Send indication. Of attributes that
// are there twice, the first counts. Not ok: malformed, or something else is in
// it that must be understood; that is pion's matter.
func parseSend(b []byte) (s sending, ok bool) {
	if int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader {
		return s, false
	}
	found := false
	for at := stunHeader; at < len(b); {
		if len(b)-at < attrHeader {
			return s, false
		}
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		value := at + attrHeader
		at = value + (size+3)&^3
		if at > len(b) {
			return s, false
		}
		switch {
		case kind == attrPayload:
			if s.off == 0 {
				s.off, s.n = value, size
			}
		case kind == attrXORPeerAddress && !found:
			if s.peer, found = parseXORAddress(b, b[value:value+size]); !found {
				return s, false
			}
		case kind == attrDontFragment && size == 0:
			s.uncut = true
		case kind == attrXORPeerAddress, kind >= attrOptional:
		default:
			return s, false
		}
	}
	return s, found && s.off != 0
}

// parseXORAddress reads the value of an XOR-MAPPED-ADDRESS and its kin (RFC
// 8489, 14.2) of a message.
func parseXORAddress(message, value []byte) (e endpoint, ok bool) {
	if len(value) < 8 || value[0] != 0 { // receivers are to ignore that byte, but pion does not
		return e, false
	}
	e.port = binary.BigEndian.Uint16(value[2:]) ^ magicCookie>>16
	switch {
	case value[1] == family4 && len(value) == 8:
		e.lo = mapped | uint64(binary.BigEndian.Uint32(value[4:])^magicCookie)
		return e, true
	case value[1] == family6 && len(value) == 20:
		// The mask is the cookie and the transaction, as they are in the header.
		e.hi = binary.BigEndian.Uint64(value[4:]) ^ binary.BigEndian.Uint64(message[4:])
		e.lo = binary.BigEndian.Uint64(value[12:]) ^ binary.BigEndian.Uint64(message[12:])
		return e, true
	}
	return e, false
}

// putChannelHeader writes the header of a ChannelData message. Over UDP it needs no padding.
func putChannelHeader(b []byte, number uint16, n int) {
	binary.BigEndian.PutUint16(b, number)
	binary.BigEndian.PutUint16(b[2:], uint16(n))
}

// dataHeader is how long putDataHeader's header is.
func dataHeader(peer host) int {
	if peer.is4() {
		return dataHeader4
	}
	return dataHeader6
}

// putDataHeader writes all of a Data indication that comes before n bytes of
// payload. The caller pads these to a multiple of 4.
func putDataHeader(b []byte, peer endpoint, n int, t1 uint32, t2 uint64) {
	binary.BigEndian.PutUint16(b, typeData)
	binary.BigEndian.PutUint32(b[4:], magicCookie)
	binary.BigEndian.PutUint32(b[8:], t1)
	binary.BigEndian.PutUint64(b[12:], t2)
	binary.BigEndian.PutUint16(b[20:], attrXORPeerAddress)
	b[24] = 0
	binary.BigEndian.PutUint16(b[26:], peer.port^magicCookie>>16)
	at := dataHeader6
	if peer.is4() {
		binary.BigEndian.PutUint16(b[22:], 8)
		b[25] = family4
		binary.BigEndian.PutUint32(b[28:], uint32(peer.lo)^magicCookie)
		at = dataHeader4
	} else {
		binary.BigEndian.PutUint16(b[22:], 20)
		b[25] = family6
		binary.BigEndian.PutUint64(b[28:], peer.hi^binary.BigEndian.Uint64(b[4:]))
		binary.BigEndian.PutUint64(b[36:], peer.lo^binary.BigEndian.Uint64(b[12:]))
	}
	binary.BigEndian.PutUint16(b[at-4:], attrPayload)
	binary.BigEndian.PutUint16(b[at-2:], uint16(n))
	binary.BigEndian.PutUint16(b[2:], uint16(at-stunHeader+(n+3)&^3))
}
