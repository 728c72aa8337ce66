package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
)

// peerAddress is an XOR-PEER-ADDRESS by pion's codec.
type peerAddress netip.AddrPort

func (p peerAddress) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: net.IP(a.Addr().AsSlice()), Port: int(a.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

// sendIndication is one by pion's codec.
func sendIndication(peer netip.AddrPort, payload []byte, more ...stun.Setter) []byte {
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(peer)}, more...)
	return stun.MustBuild(append(all, stun.RawAttribute{Type: stun.AttrData, Value: payload})...).Raw
}

func peersOfAllKinds() []netip.AddrPort {
	return []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("255.255.255.255:65535"),
		netip.MustParseAddrPort("[2001:db8::1:2]:3478"), netip.MustParseAddrPort("[::]:0"),
	}
}

func TestReadsSendIndications(t *testing.T) {
	for _, peer := range peersOfAllKinds() {
		for _, size := range []int{0, 1, 2, 3, 4, 1200} {
			payload := bytes.Repeat([]byte{7}, size)
			b := sendIndication(peer, payload, stun.RawAttribute{Type: 0x8022, Value: []byte("software")})
			s, ok := parseSend(b)
			if !ok || !isSTUN(b) || !isSend(b) || s.uncut || s.peer.addrPort() != peer || !bytes.Equal(b[s.off:s.off+s.n], payload) {
				t.Errorf("%s, %d bytes: %v %+v", peer, size, ok, s)
			}
			if s, ok := parseSend(sendIndication(peer, payload, stun.RawAttribute{Type: stun.AttrDontFragment})); !ok || !s.uncut {
				t.Errorf("%s, %d bytes in one piece: %v %+v", peer, size, ok, s)
			}
		}
	}
}

func TestLeavesToPionWhatItDoesNotUnderstand(t *testing.T) {
	peer, payload := netip.MustParseAddrPort("192.0.2.1:9"), []byte("x")
	for name, b := range map[string][]byte{
		"DONT-FRAGMENT":     sendIndication(peer, payload, stun.RawAttribute{Type: 0x001a, Value: []byte{1}}),
		"MESSAGE-INTEGRITY": sendIndication(peer, payload, stun.MessageIntegrity("key")),
		"no payload":        stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(peer)).Raw,
		"no peer":           stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), stun.RawAttribute{Type: stun.AttrData}).Raw,
		"more behind it":    append(sendIndication(peer, payload), 0, 0, 0, 0),
		"cut off":           sendIndication(peer, payload)[:36],
	} {
		if _, ok := parseSend(b); ok {
			t.Errorf("%s was read", name)
		}
	}
}

func TestWritesDataIndications(t *testing.T) {
	for _, peer := range peersOfAllKinds() {
		for _, size := range []int{0, 1, 5, 1200} {
			e := endpointOf(peer)
			h, padded := dataHeader(e.host), (size+3)&^3
			b := make([]byte, h+padded)
			putDataHeader(b, e, size, 1, 2)
			copy(b[h:], bytes.Repeat([]byte{7}, size))
			m := &stun.Message{Raw: b}
			var from stun.XORMappedAddress
			if err := m.Decode(); err != nil {
				t.Fatalf("%s, %d bytes: %v", peer, size, err)
			}
			if err := from.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
				t.Fatal(err)
			}
			data, err := m.Get(stun.AttrData)
			ip, _ := netip.AddrFromSlice(from.IP)
			if err != nil || m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) ||
				netip.AddrPortFrom(ip.Unmap(), uint16(from.Port)) != peer || len(data) != size {
				t.Errorf("%s, %d bytes: %s %v %v", peer, size, m.Type, from, err)
			}
		}
	}
}

// What we read, pion reads the same; what a client's bytes say is relayed as it is.
func FuzzSend(f *testing.F) {
	for _, peer := range peersOfAllKinds() {
		f.Add(sendIndication(peer, []byte("payload")))
		f.Add(sendIndication(peer, nil, stun.RawAttribute{Type: 0x8022, Value: []byte("soft")}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !isSTUN(b) || !isSend(b) {
			return
		}
		s, ok := parseSend(b)
		if !ok {
			return
		}
		m := &stun.Message{Raw: bytes.Clone(b)}
		if err := m.Decode(); err != nil {
			t.Fatalf("pion does not read it: %v", err)
		}
		data, err := m.Get(stun.AttrData)
		if err != nil || !bytes.Equal(data, b[s.off:s.off+s.n]) || s.uncut != m.Contains(stun.AttrDontFragment) {
			t.Fatalf("payload %x, pion has %x (%v)", b[s.off:s.off+s.n], data, err)
		}
		var theirs stun.XORMappedAddress
		if err := theirs.GetFromAs(m, stun.AttrXORPeerAddress); err != nil {
			t.Fatalf("pion has no peer: %v", err)
		}
		ip, _ := netip.AddrFromSlice(theirs.IP)
		if want := netip.AddrPortFrom(ip.Unmap(), uint16(theirs.Port)); s.peer.addrPort() != want {
			t.Fatalf("peer %s, pion has %s", s.peer.addrPort(), want)
		}
	})
}

func FuzzChannelData(f *testing.F) {
	f.Add([]byte{0x40, 1, 0, 3, 1, 2, 3, 0})
	f.Add([]byte{0x4f, 0xff, 0, 0})
	f.Add([]byte{0x40, 0, 0xff, 0xfc})
	f.Fuzz(func(t *testing.T, b []byte) {
		number, n, ok := parseChannelData(b)
		if !ok {
			return
		}
		if number < 0x4000 || number > 0x7fff || channelHeader+n > len(b) {
			t.Fatalf("channel %x, %d of %d bytes", number, n, len(b))
		}
		again := make([]byte, channelHeader)
		putChannelHeader(again, number, n)
		if !bytes.Equal(again, b[:channelHeader]) || int(binary.BigEndian.Uint16(again[2:])) != n {
			t.Fatalf("wrote %x, read %x", again, b[:channelHeader])
		}
	})
}

// MessageSize never asks for more than a buffer holds, nor for less than there is.
func FuzzMessageSize(f *testing.F) {
	f.Add([]byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0})
	f.Add([]byte{0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42})
	f.Add(bytes.Repeat([]byte{0x7f}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := MessageSize(b)
		switch {
		case err == nil && n == 0 && len(b) >= 4, (n > LongestMessage) != errors.Is(err, ErrTooLong), n > 4+1<<16+stunHeader, err == nil && n > 0 && (n < 4 || n%4 != 0):
			t.Errorf("%x: %d, %v", b, n, err)
		case n > 0 && n < int(binary.BigEndian.Uint16(b[2:])):
			t.Errorf("%x: %d is less than it says", b, n)
		}
	})
}
