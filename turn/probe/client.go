package probe

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

// client is one of the two clients of a probe.
type client struct {
	asker
	relay netip.AddrPort
}

func (c *client) close() {
	if c != nil && c.conn != nil {
		_ = c.conn.Close()
	}
}

// reflexive asks where we come from.
func (c *client) reflexive() (string, error) {
	m, err := c.ask(stun.MethodBinding)
	if err != nil {
		return "", err
	}
	var at stun.XORMappedAddress
	if err := at.GetFrom(m); err != nil {
		return "", fmt.Errorf("the answer has no address (%w); is that a STUN server?", err)
	}
	return "we come from " + at.String(), nil
}

func (c *client) allocate() error {
	udp := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	_, err := c.ask(stun.MethodAllocate, udp)
	if code := new(errorResponse); errors.As(err, &code) && code.code == stun.CodeUnauthorized && c.nonce == "" {
		c.realm, c.nonce = code.realm, code.nonce
		var m *stun.Message
		if m, err = c.ask(stun.MethodAllocate, udp); err == nil {
			var at stun.XORMappedAddress
			err = at.GetFromAs(m, stun.AttrXORRelayedAddress)
			ip, _ := netip.AddrFromSlice(at.IP)
			c.relay = netip.AddrPortFrom(ip.Unmap(), uint16(at.Port))
		}
	}
	return err
}

func (c *client) permit(peer netip.AddrPort) error {
	_, err := c.ask(stun.MethodCreatePermission, xorPeer(peer))
	return err
}

// bothChannel is the channel that both bind.
const bothChannel = 0x4000

func (c *client) bind(peer netip.AddrPort) error {
	_, err := c.ask(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{bothChannel >> 8, bothChannel & 0xff, 0, 0}}, xorPeer(peer))
	return err
}

// echo sends a packet through both relays and back.
func (c *client) echo(far *client) (string, error) {
	text := append([]byte{bothChannel >> 8, bothChannel & 0xff, 0, 16}, rand.Text()[:16]...)
	began := time.Now()
	for _, way := range [][2]*client{{c, far}, {far, c}} {
		arrived := func(b []byte) bool { return len(b) >= len(text) && string(b[:len(text)]) == string(text) }
		if _, err := way[1].exchange(text, &way[0].asker, arrived); err != nil {
			return "", fmt.Errorf("a packet from %s to %s does not arrive (%w); see that turn.external_ips is what others reach the relay by, and that its UDP ports are open", way[0].relay, way[1].relay, err)
		}
	}
	return fmt.Sprintf("there and back in %s", time.Since(began).Round(10*time.Microsecond)), nil
}

// xorPeer is a peer's address.
func xorPeer(peer netip.AddrPort) stun.Setter {
	return xorAddress{stun.XORMappedAddress{IP: peer.Addr().AsSlice(), Port: int(peer.Port())}}
}

type xorAddress struct{ stun.XORMappedAddress }

// AddTo is what stun.Build calls.
func (a xorAddress) AddTo(m *stun.Message) error { return a.AddToAs(m, stun.AttrXORPeerAddress) }
