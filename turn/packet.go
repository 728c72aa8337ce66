package turn

import (
	"net"
	"net/netip"
)

// filteredPacketConn is a UDP socket of clients with its filter, for pion.
type filteredPacketConn struct {
	net.PacketConn
	filter requestFilter
	here   netip.AddrPort
}

func newFilteredPacketConn(c net.PacketConn, g *authPolicy) *filteredPacketConn {
	return &filteredPacketConn{PacketConn: c, filter: requestFilter{authPolicy: g, transport: "udp"}, here: addrPort(c.LocalAddr())}
}

// ReadFrom gives the next message that pion is to have.
func (c *filteredPacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err != nil {
			return 0, nil, err
		}
		pass, reply := c.filter.in(p[:n], addrPort(from), c.here)
		if reply != nil {
			_, _ = c.PacketConn.WriteTo(reply, from)
		}
		if pass != nil && len(pass) <= len(p) {
			return copy(p, pass), from, nil
		}
	}
}

// WriteTo sends what pion answers.
func (c *filteredPacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if _, err := c.PacketConn.WriteTo(c.filter.out(p, addrPort(to)), to); err != nil {
		return 0, err
	}
	return len(p), nil
}
