package turn

import (
	"net"
	"net/netip"
)

// packetGate is a UDP socket of clients with its gate, for pion.
type packetGate struct {
	net.PacketConn
	gate gate
	here netip.AddrPort
}

func newPacketGate(c net.PacketConn, g *guard) *packetGate {
	return &packetGate{PacketConn: c, gate: gate{guard: g, transport: "udp"}, here: addrPort(c.LocalAddr())}
}

// ReadFrom gives the next message that pion is to have.
func (c *packetGate) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err != nil {
			return 0, nil, err
		}
		pass, reply := c.gate.in(p[:n], addrPort(from), c.here)
		if reply != nil {
			_, _ = c.PacketConn.WriteTo(reply, from)
		}
		if pass != nil && len(pass) <= len(p) {
			return copy(p, pass), from, nil
		}
	}
}

// WriteTo sends what pion answers.
func (c *packetGate) WriteTo(p []byte, to net.Addr) (int, error) {
	if _, err := c.PacketConn.WriteTo(c.gate.out(p, addrPort(to)), to); err != nil {
		return 0, err
	}
	return len(p), nil
}
