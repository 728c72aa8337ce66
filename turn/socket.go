package turn

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// connectTime is how long a peer may take to answer (RFC 6062 5.2 asks for at
// least 30 s, but pion answers nothing else on that connection meanwhile).
const connectTime = 10 * time.Second

// ending is what there is to do when a relay socket is closed, once.
type ending struct {
	traffic *traffic
	end     func()
}

func (e ending) counts() *traffic { return e.traffic }

// packetSocket is the relay socket of a UDP allocation.
type packetSocket struct {
	*net.UDPConn
	ports *ports
	peers *peers
	ending
}

// ReadFrom gives the next packet of a peer. A peer that is one of our relays
// has the address that clients know it by.
func (s *packetSocket) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, _, flags, from, err := s.ReadMsgUDPAddrPort(p, nil)
		if err != nil {
			return 0, nil, err
		}
		if flags&unix.MSG_TRUNC != 0 { // longer than pion takes: a piece of it is worth nothing
			continue
		}
		if !s.traffic.takes(&s.traffic.toClient, n) {
			continue
		}
		from = s.ports.Public(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		return n, net.UDPAddrFromAddrPort(from), nil
	}
}

// WriteTo sends a packet to a peer. What is too much, or not for clients, is
// dropped: UDP promises nothing.
func (s *packetSocket) WriteTo(p []byte, to net.Addr) (int, error) {
	peer := addrPort(to)
	if !s.peers.reachable(peer) || !s.traffic.takes(&s.traffic.toPeers, len(p)) {
		return len(p), nil
	}
	return s.WriteToUDPAddrPort(p, s.ports.Local(peer))
}

// Close gives the port back.
func (s *packetSocket) Close() error {
	err := s.UDPConn.Close()
	s.end()
	return onceClosed(err)
}

// listenSocket is the relay socket of a TCP allocation (RFC 6062).
type listenSocket struct {
	net.Listener
	ending
}

// Accept gives the next connection of a peer.
func (s *listenSocket) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &connSocket{c, s.traffic, addrPort(c.RemoteAddr())}, nil
}

// Close gives the port back.
func (s *listenSocket) Close() error {
	err := s.Listener.Close()
	s.end()
	return onceClosed(err)
}

// connSocket is a connection with a peer.
type connSocket struct {
	net.Conn
	traffic *traffic
	peer    netip.AddrPort
}

// Read reads from the peer, not faster than the allocation may.
func (s *connSocket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.traffic.waits(&s.traffic.toClient, n)
	return n, err
}

// Write writes to the peer, not faster than the allocation may.
func (s *connSocket) Write(p []byte) (int, error) {
	s.traffic.waits(&s.traffic.toPeers, len(p))
	return s.Conn.Write(p)
}

// RemoteAddr is the peer as the client knows it.
func (s *connSocket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.peer) }

// onceClosed has the second Close of a socket succeed: pion closes what we closed.
func onceClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// shared lets connections to peers have the port that peers connect to.
func shared(_, _ string, c syscall.RawConn) error {
	var err error
	if err2 := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err == nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
	}); err2 != nil {
		return err2
	}
	return err
}
