package relay

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/helios-h2020/pse/internal/process/processtest"
)

// next is what comes next to a socket, of any size.
func next(tb testing.TB, c net.PacketConn) []byte {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 1<<16)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		tb.Fatal(err)
	}
	return b[:n]
}

// Packets of any size that a datagram has pass both ways and between relays, by channel
// and by indication, beside small ones.
func TestLargePackets(t *testing.T) {
	w := newWorld(t, nil)
	c, far, p, other := w.raw("alice"), w.raw("bob"), w.peer("udp4"), w.peer("udp4")
	for _, of := range []*client{c, far} {
		of.permit(other.LocalAddr())
	}
	c.bind(bound, p.LocalAddr())
	c.bind(bound+1, far.relay)
	far.bind(bound, c.relay)
	at := func(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }
	for _, size := range []int{largest - 4, largest - 3, largest, largest + 1, 3000, 9000, 65001, 65447} {
		b := bytes.Repeat([]byte{byte(size)}, size)
		b[0], b[size-1] = 'a', 'z'
		for _, way := range []struct {
			sent []byte
			to   net.PacketConn
		}{{channelData(bound, b), p}, {sendIndication(at(other.LocalAddr()), b), other}} {
			c.send(way.sent)
			if got := next(t, way.to); !bytes.Equal(got, b) {
				t.Errorf("%d bytes to a peer: %d come", size, len(got))
			}
		}
		write(t, p, string(b), c.relay)
		if got := next(t, c); !bytes.Equal(got, channelData(bound, b)) {
			t.Errorf("%d bytes by channel: %d come", size, len(got))
		}
		write(t, other, string(b), c.relay)
		m := &stun.Message{Raw: next(t, c)}
		if err := m.Decode(); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Get(stun.AttrData); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d bytes by indication: %d come, %v", size, len(got), err)
		}
		c.send(channelData(bound+1, b))
		if got := next(t, far); !bytes.Equal(got, channelData(bound, b)) {
			t.Errorf("%d bytes relay to relay: %d come", size, len(got))
		}
		c.send(channelData(bound, []byte("small")))
		expect(t, p, "small", c.relay)
	}
	if d := w.plane.Stats().Drops; d != (Drops{}) {
		t.Errorf("%+v", d)
	}
}

// What must not be cut goes in one piece or not at all; what may goes in pieces, before
// and after it.
func TestDontFragment(t *testing.T) {
	if !processtest.InNetwork(t, "ip link set lo mtu 1500", time.Minute) {
		return
	}
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) { c.Listen = c.Listen[:1] })
	c, p := w.raw("alice"), w.peer("udp4")
	c.permit(p.LocalAddr())
	at := netip.MustParseAddrPort(p.LocalAddr().String())
	uncut := stun.RawAttribute{Type: stun.AttrDontFragment}
	for _, size := range []int{1900, 3000} { // in a slot, and larger
		large, small := bytes.Repeat([]byte{'l'}, size), []byte("small")
		for _, b := range [][]byte{sendIndication(at, large, uncut), sendIndication(at, small, uncut), sendIndication(at, large)} {
			c.send(b)
		}
		seen := map[int]bool{len(next(t, p)): true, len(next(t, p)): true}
		if !seen[size] || !seen[len(small)] {
			t.Errorf("%d bytes: %v come", size, seen)
		}
	}
	if d := w.plane.Stats().Drops; d.Kernel != 2 {
		t.Errorf("%+v", d)
	}
}
