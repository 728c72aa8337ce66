package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// A sockaddr is an address as the kernel takes it: a sockaddr_in or sockaddr_in6.
type sockaddr struct {
	b [unix.SizeofSockaddrInet6]byte
	n uint32
}

// set writes an endpoint as its own family has it.
func (s *sockaddr) set(e endpoint, scope uint32) {
	if e.is4() {
		s.n = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(s.b[:], unix.AF_INET)
		binary.BigEndian.PutUint32(s.b[4:], uint32(e.lo))
		clear(s.b[8:])
	} else {
		s.n = unix.SizeofSockaddrInet6
		binary.NativeEndian.PutUint16(s.b[:], unix.AF_INET6)
		binary.BigEndian.PutUint32(s.b[4:], 0)
		binary.BigEndian.PutUint64(s.b[8:], e.hi)
		binary.BigEndian.PutUint64(s.b[16:], e.lo)
		binary.NativeEndian.PutUint32(s.b[24:], scope)
	}
	binary.BigEndian.PutUint16(s.b[2:], e.port)
}

// endpoint reads it back; the zero endpoint for other families.
func (s *sockaddr) endpoint() (e endpoint) {
	e.port = binary.BigEndian.Uint16(s.b[2:])
	switch binary.NativeEndian.Uint16(s.b[:]) {
	case unix.AF_INET:
		e.lo = mapped | uint64(binary.BigEndian.Uint32(s.b[4:]))
	case unix.AF_INET6:
		e.hi, e.lo = binary.BigEndian.Uint64(s.b[8:]), binary.BigEndian.Uint64(s.b[16:])
	}
	return e
}

// udpAddr is it for pion. Link-local addresses keep their zone, by number.
func (s *sockaddr) udpAddr() *net.UDPAddr {
	a := net.UDPAddrFromAddrPort(s.endpoint().addrPort())
	if scope := binary.NativeEndian.Uint32(s.b[24:]); scope != 0 && s.n == unix.SizeofSockaddrInet6 {
		a.Zone = strconv.FormatUint(uint64(scope), 10)
	}
	return a
}

// sockaddrOf writes an address of pion's.
func sockaddrOf(a net.Addr) (s sockaddr, err error) {
	ap, ok := addrPortOf(a)
	if !ok {
		return s, errNotUDP
	}
	s.set(endpointOf(ap), scopeOf(ap.Addr()))
	return s, nil
}

// scopeOf is the number of an address's zone; 0: it has none.
func scopeOf(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if n, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		return uint32(n)
	}
	i, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}

func udpAddr(e endpoint) *net.UDPAddr { return net.UDPAddrFromAddrPort(e.addrPort()) }
