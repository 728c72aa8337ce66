package relay

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"

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

// openUDP binds a socket that does not block. shared: others may bind the same
// address (SO_REUSEPORT). It returns what it was bound to.
func openUDP(local netip.AddrPort, shared bool, receive int) (fd int, bound netip.AddrPort, err error) {
	family := unix.AF_INET6
	if local.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, bound, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if family == unix.AF_INET6 {
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return -1, bound, err
		}
	}
	if shared {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return -1, bound, err
		}
	}
	if receive > 0 {
		// Without privileges the kernel gives less: fine.
		for force, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
			if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, receive) != nil {
				_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, receive)
			}
		}
	}
	var to sockaddr
	to.set(endpointOf(local), scopeOf(local.Addr()))
	if err = rawBind(fd, &to); err != nil {
		return -1, bound, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, bound, err
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		bound = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		bound = netip.AddrPortFrom(netip.AddrFrom16(a.Addr).WithZone(local.Addr().Zone()), uint16(a.Port))
	default:
		return -1, bound, syscall.EAFNOSUPPORT
	}
	return fd, bound, nil
}
