package main

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"
)

const (
	user, password, realm = "bench", "secret", "pse.test"

	channel = 0x4001 // the only one of each session
)

// session is a client's allocation over UDP, on a plain socket.
type session struct {
	fd    int
	relay netip.AddrPort
	auth  []stun.Setter
}

// socket opens a UDP socket of the loopback and connects it, if to is valid.
func socket(to netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	for _, opt := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, opt, 4<<20)
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 500_000})
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err == nil && to.IsValid() {
		err = connect(fd, to)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func connect(fd int, to netip.AddrPort) error {
	return unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
}

// at is a socket's own address.
func at(fd int) netip.AddrPort {
	name, err := unix.Getsockname(fd)
	if a, ok := name.(*unix.SockaddrInet4); err == nil && ok {
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// allocate opens a session. A server may remember who had the port before: then
// another will do.
func allocate(server netip.AddrPort) (s *session, err error) {
	for range 5 {
		if s, err = tryAllocate(server); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func tryAllocate(server netip.AddrPort) (*session, error) {
	fd, err := socket(server)
	if err != nil {
		return nil, err
	}
	s := &session{fd: fd}
	transport := stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{17, 0, 0, 0}}
	refusal, err := s.ask(stun.MethodAllocate, transport)
	if err != nil && refusal == nil {
		s.close()
		return nil, err
	}
	var nonce stun.Nonce
	var theirs stun.Realm
	if errors.Join(nonce.GetFrom(refusal), theirs.GetFrom(refusal)) != nil {
		s.close()
		return nil, err
	}
	key := md5.Sum([]byte(user + ":" + theirs.String() + ":" + password))
	s.auth = []stun.Setter{stun.NewUsername(user), theirs, nonce, stun.MessageIntegrity(key[:])}
	answer, err := s.ask(stun.MethodAllocate, transport)
	if err != nil {
		s.close()
		return nil, err
	}
	var relay stun.XORMappedAddress
	if err := relay.GetFromAs(answer, stun.AttrXORRelayedAddress); err != nil {
		s.close()
		return nil, err
	}
	ip, _ := netip.AddrFromSlice(relay.IP)
	s.relay = netip.AddrPortFrom(ip.Unmap(), uint16(relay.Port))
	return s, nil
}

// bind binds the session's channel to a peer.
func (s *session) bind(peer netip.AddrPort) error {
	var number [4]byte
	binary.BigEndian.PutUint16(number[:], channel)
	_, err := s.ask(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: number[:]}, peerAddress(peer))
	return err
}

// open lets packets pass to a peer and back, and gives the header that they are sent with,
// and how long the one is that they are received with.
func (s *session) open(l load, peer netip.AddrPort) (head []byte, tail int, err error) {
	if !l.indicate {
		head = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, channel), uint16(l.size))
		return head, len(head), s.bind(peer)
	}
	if _, err = s.ask(stun.MethodCreatePermission, peerAddress(peer)); err != nil {
		return nil, 0, err
	}
	m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAddress(peer),
		stun.RawAttribute{Type: stun.AttrData, Value: make([]byte, l.size)})
	if err != nil {
		return nil, 0, err
	}
	head = m.Raw[:len(m.Raw)-l.size]
	return head, len(head), nil
}

// payloadAt is where the payload of a message begins whose header has so many bytes: of
// Data indications that have the peer behind it (coturn's) it is earlier.
func payloadAt(b []byte, header int) int {
	const first = 20 // attribute, behind the header of STUN
	if header > first && binary.BigEndian.Uint16(b[first:]) == uint16(stun.AttrData) {
		return first + 4
	}
	return header
}

// free ends the allocation, and the session.
func (s *session) free() error {
	defer s.close()
	_, err := s.ask(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
	return err
}

func (s *session) close() { unix.Close(s.fd) }

// peerAddress is an XOR-PEER-ADDRESS.
type peerAddress netip.AddrPort

func (p peerAddress) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: net.IP(a.Addr().AsSlice()), Port: int(a.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

// ask sends a request until it is answered. A refusal is an answer and an error.
func (s *session) ask(method stun.Method, attributes ...stun.Setter) (*stun.Message, error) {
	all := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
	m, err := stun.Build(append(all, s.auth...)...)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 1500)
	for range 10 {
		if _, err := unix.Write(s.fd, m.Raw); err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
		for {
			n, err := unix.Read(s.fd, b)
			if err != nil {
				break // no answer in time
			}
			answer := &stun.Message{Raw: b[:n]}
			if answer.Decode() != nil || answer.TransactionID != m.TransactionID {
				continue
			}
			if answer.Type.Class == stun.ClassErrorResponse {
				var code stun.ErrorCodeAttribute
				_ = code.GetFrom(answer)
				return answer, fmt.Errorf("%s refused: %s", method, code)
			}
			return answer, nil
		}
	}
	return nil, fmt.Errorf("%s: no answer", method)
}

// answers waits until a server answers a binding request.
func answers(server netip.AddrPort) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		fd, err := socket(server)
		if err != nil {
			return err
		}
		s := &session{fd: fd}
		m := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		b := make([]byte, 1500)
		if _, err = unix.Write(fd, m.Raw); err == nil {
			_, err = unix.Read(fd, b)
		}
		s.close()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %w", server, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
