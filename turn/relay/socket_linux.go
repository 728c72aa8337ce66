package relay

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openUDP binds a socket that does not block. shared: others may bind the same
// address (SO_REUSEPORT). It returns what it was bound to.
func openUDP(local netip.AddrPort, shared bool, receive int) (int, netip.AddrPort, error) {
	family := unix.AF_INET6
	if local.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	bound, err := bindUDP(fd, family, local, shared)
	if err != nil {
		unix.Close(fd)
		return -1, bound, err
	}
	if receive > 0 {
		// Without privileges the kernel gives less: fine.
		for force, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
			if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, receive) != nil {
				_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, receive)
			}
		}
	}
	return fd, bound, nil
}

func bindUDP(fd, family int, local netip.AddrPort, shared bool) (bound netip.AddrPort, err error) {
	if family == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return bound, err
		}
	}
	if shared {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return bound, err
		}
	}
	var to sockaddr
	to.set(endpointOf(local), scopeOf(local.Addr()))
	if err := rawBind(fd, &to); err != nil {
		return bound, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return bound, err
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).WithZone(local.Addr().Zone()), uint16(a.Port)), nil
	}
	return bound, syscall.EAFNOSUPPORT
}

// writeTo sends past the net package, on a socket of openUDP.
func writeTo(fd int, b []byte, a net.Addr) (int, error) {
	to, err := sockaddrOf(a)
	if err != nil {
		return 0, err
	}
	var empty [1]byte
	p := &empty[0]
	if len(b) > 0 {
		p = &b[0]
	}
	if err := sendto(fd, p, len(b), &to); err != 0 {
		return 0, os.NewSyscallError("sendto", err)
	}
	return len(b), nil
}

// sendUncut sends n bytes to a peer in one piece, or not at all when the path to it takes no piece as
// large (RFC 8656 11.2, DONT-FRAGMENT). The loop's: nobody else sends from the socket meanwhile.
func sendUncut(fd int, p *byte, n int, peer endpoint) syscall.Errno {
	level, option, always, usual := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO, unix.IP_PMTUDISC_WANT
	if !peer.is4() {
		level, option, always, usual = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO, unix.IPV6_PMTUDISC_WANT
	}
	if err := unix.SetsockoptInt(fd, level, option, always); err != nil {
		return syscall.ENOTSUP
	}
	var to sockaddr
	to.set(peer, 0)
	err := sendto(fd, p, n, &to)
	_ = unix.SetsockoptInt(fd, level, option, usual)
	return err
}
