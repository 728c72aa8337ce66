package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// An endpoint is an address and port as the key of a table. IPv4 addresses are
// in their mapped form, so that ::ffff:192.0.2.1 is the same peer as 192.0.2.1,
// as it is for pion.
type endpoint struct {
	host
	port uint16
}

// A host is an address without a port: what permissions are for.
type host struct{ hi, lo uint64 }

const mapped = 0xffff << 32 // the low half of an IPv4 address, before the address itself

func hostOf(a netip.Addr) host {
	b := a.As16()
	return host{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func endpointOf(a netip.AddrPort) endpoint { return endpoint{hostOf(a.Addr()), a.Port()} }

// is4 tells whether it is an IPv4 address.
func (h host) is4() bool { return h.hi == 0 && h.lo>>32 == 0xffff }

func (h host) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], h.hi)
	binary.BigEndian.PutUint64(b[8:], h.lo)
	return netip.AddrFrom16(b).Unmap()
}

func (e endpoint) addrPort() netip.AddrPort { return netip.AddrPortFrom(e.addr(), e.port) }

// addrPortOf reads a UDP address as pion gives them.
func addrPortOf(a net.Addr) (netip.AddrPort, bool) {
	u, ok := a.(*net.UDPAddr)
	if !ok || u == nil {
		return netip.AddrPort{}, false
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), ap.IsValid()
}
