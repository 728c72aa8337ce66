package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Requests to pion need not wake a shard that would only hand them on: of the
// sockets that share an address, the kernel gives ChannelData and Send
// indications to those of the loops, and all else to as many of pion's own. A
// classic BPF program says which (SO_ATTACH_REUSEPORT_CBPF), by the client's
// address, so that both of a client's sockets belong to the same shard. It also
// keeps a flood of requests off the packets of calls. Where a kernel does not
// take the program, the loops get all.

func op(code int, k uint32) unix.SockFilter { return unix.SockFilter{Code: uint16(code), K: k} }

func jump(k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

// steering is the program, for n sockets of loops and then n of pion's.
func steering(n int, four bool) []unix.SockFilter {
	const network = 0xfff00000 // SKF_NET_OFF: from the IP header on, not from the payload
	address, port := uint32(network+20), uint32(network+40)
	if four {
		address, port = network+12, network+20
	}
	const odd = 0x9e3779b1 // 2^32 by the golden ratio: spreads what differs in few bits
	return []unix.SockFilter{
		op(unix.BPF_LD|unix.BPF_H|unix.BPF_ABS, port),
		op(unix.BPF_ALU|unix.BPF_MUL|unix.BPF_K, odd),
		op(unix.BPF_MISC|unix.BPF_TAX, 0),
		op(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, address),
		op(unix.BPF_ALU|unix.BPF_XOR|unix.BPF_X, 0),
		op(unix.BPF_ALU|unix.BPF_MUL|unix.BPF_K, odd),
		op(unix.BPF_ALU|unix.BPF_RSH|unix.BPF_K, 16),
		op(unix.BPF_ALU|unix.BPF_MOD|unix.BPF_K, uint32(n)),
		op(unix.BPF_ST, 0),
		op(unix.BPF_LD|unix.BPF_H|unix.BPF_ABS, 0), // a packet without it goes to the first loop, which drops it
		jump(typeSend, 5, 0),
		op(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xc000),
		jump(0x4000, 3, 0), // ChannelData
		op(unix.BPF_LD|unix.BPF_MEM, 0),
		op(unix.BPF_ALU|unix.BPF_ADD|unix.BPF_K, uint32(n)),
		op(unix.BPF_RET|unix.BPF_A, 0),
		op(unix.BPF_LD|unix.BPF_MEM, 0),
		op(unix.BPF_RET|unix.BPF_A, 0),
	}
}

// onlySTUN is a filter for what pion's sockets take. A filter sees the UDP header too.
func onlySTUN() []unix.SockFilter {
	const payload = 8
	return []unix.SockFilter{
		op(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, payload+4),
		jump(magicCookie, 0, 4),
		op(unix.BPF_LD|unix.BPF_B|unix.BPF_ABS, payload),
		op(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, 0xc0),
		jump(0, 0, 1),
		op(unix.BPF_RET|unix.BPF_K, 1<<16), // all of it
		op(unix.BPF_RET|unix.BPF_K, 0),     // nothing: it is dropped
	}
}

func attach(fd, option int, program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, option, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// steer gives the sockets of one address, one of each shard in their order,
// sockets for pion beside them.
func steer(all []*clientConn) error {
	program := steering(len(all), all[0].addr.Addr().Is4())
	if attach(all[0].fd, unix.SO_ATTACH_REUSEPORT_CBPF, program) != nil {
		return nil // the loops get all
	}
	for _, c := range all {
		var err error
		if c.control, err = listenControl(c.addr); err != nil {
			return err
		}
	}
	return nil
}

// listenControl opens a socket of pion's own beside those of loops.
func listenControl(addr netip.AddrPort) (*net.UDPConn, error) {
	share := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			_ = attach(int(fd), unix.SO_ATTACH_FILTER, onlySTUN()) // pion looks too, only later
		}); failed != nil {
			return failed
		}
		return err
	}}
	network := "udp6"
	if addr.Addr().Is4() {
		network = "udp4"
	}
	c, err := share.ListenPacket(context.Background(), network, addr.String())
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errNotUDP, c.Close())
	}
	_ = u.SetReadBuffer(1 << 20)
	return u, nil
}
