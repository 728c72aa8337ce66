package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// A client speaks TURN by hand, so that a test says each packet.
type client struct {
	*net.UDPConn
	w      *world
	server net.Addr
	relay  net.Addr
	auth   []stun.Setter
}

// raw allocates for a user by hand.
func (w *world) raw(user string) *client {
	w.tb.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadBuffer(4 << 20)
	c := &client{UDPConn: conn, w: w, server: net.UDPAddrFromAddrPort(w.plane.Addrs()[0])}
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	refused := c.ask(stun.MethodAllocate, stun.ClassErrorResponse, udp)
	var nonce stun.Nonce
	if err := nonce.GetFrom(refused); err != nil {
		w.tb.Fatal(err)
	}
	c.auth = []stun.Setter{stun.NewUsername(user), stun.NewRealm(realm), nonce, stun.NewLongTermIntegrity(user, realm, password)}
	var at stun.XORMappedAddress
	if err := at.GetFromAs(c.ask(stun.MethodAllocate, stun.ClassSuccessResponse, udp), stun.AttrXORRelayedAddress); err != nil {
		w.tb.Fatal(err)
	}
	c.relay = &net.UDPAddr{IP: at.IP, Port: at.Port}
	return c
}

// bind binds a channel.
func (c *client) bind(number uint16, peer net.Addr) {
	c.w.tb.Helper()
	var b [4]byte
	binary.BigEndian.PutUint16(b[:], number)
	c.ask(stun.MethodChannelBind, stun.ClassSuccessResponse, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: b[:]},
		peerAddress(netip.MustParseAddrPort(peer.String())))
}

// permit gets a permission for a peer's host.
func (c *client) permit(peer net.Addr) {
	c.w.tb.Helper()
	c.ask(stun.MethodCreatePermission, stun.ClassSuccessResponse, peerAddress(netip.MustParseAddrPort(peer.String())))
}

// free ends the allocation.
func (c *client) free() {
	c.w.tb.Helper()
	c.ask(stun.MethodRefresh, stun.ClassSuccessResponse, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
}

// send sends this to the server.
func (c *client) send(b []byte) {
	c.w.tb.Helper()
	if _, err := c.WriteTo(b, c.server); err != nil {
		c.w.tb.Fatal(err)
	}
}

// ask asks once: on the loopback nothing is lost.
func (c *client) ask(method stun.Method, want stun.MessageClass, attributes ...stun.Setter) *stun.Message {
	c.w.tb.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
	m := stun.MustBuild(append(all, c.auth...)...)
	c.send(m.Raw)
	b := make([]byte, 2000)
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b)
		if err != nil {
			c.w.tb.Fatalf("%s: %v", method, err)
		}
		answer := &stun.Message{Raw: b[:n]}
		if answer.Decode() != nil || answer.TransactionID != m.TransactionID {
			continue
		}
		if answer.Type.Class != want {
			c.w.tb.Fatalf("%s: %s", method, answer)
		}
		return answer
	}
}
