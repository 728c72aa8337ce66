package turn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/stun/v4"
)

// discovery lets clients find out how the NAT before them behaves (RFC 5780): it answers
// Binding requests at two addresses and two ports, each from where the client asks to be
// answered. It is safe for concurrent use once it listens.
type discovery struct {
	may     func(n int, from netip.AddrPort) bool // answers a message of n bytes
	said    func(n int)                           // is told of an answer
	outward func(netip.Addr) netip.Addr
	ours    [2]netip.Addr
	ports   [2]uint16
	own     []net.PacketConn // at the second port; the others are the relay's
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	sockets map[netip.AddrPort]net.PacketConn
}

// Bits of CHANGE-REQUEST (RFC 5780 7.2).
const (
	changePort    = 0x2
	changeAddress = 0x4
)

// What RFC 5780 has and we have not: a client could have a stranger answered.
const (
	attrPadding      stun.AttrType = 0x0026
	attrResponsePort stun.AttrType = 0x0027
)

// newDiscovery listens at the second port of both addresses; port is the first. nil: it is not wanted.
func newDiscovery(cfg Config, a *addresses, port int, may func(int, netip.AddrPort) bool, said func(int)) (*discovery, error) {
	other, ok := cfg.otherAddress()
	if !ok {
		return nil, nil
	}
	first := *a.family(other.Addr())
	if !first.IsValid() || first == other.Addr() || int(other.Port()) == port {
		return nil, fmt.Errorf("turn.other_address is %s; write another address than the relay's, %s, and another port than %d", other, first, port)
	}
	d := &discovery{
		may: may, said: said, outward: a.outward, ours: [2]netip.Addr{first, other.Addr()}, ports: [2]uint16{uint16(port), other.Port()},
		sockets: map[netip.AddrPort]net.PacketConn{},
	}
	for _, ip := range d.ours {
		c, err := net.ListenPacket("udp"+family(ip), netip.AddrPortFrom(ip, other.Port()).String())
		if err != nil {
			d.stop()
			return nil, explained(err)
		}
		d.own = append(d.own, c)
		d.has(c)
	}
	return d, nil
}

// has notes a socket that answers may leave by.
func (d *discovery) has(c net.PacketConn) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := addrPort(c.LocalAddr()); d.sockets[at] == nil {
		d.sockets[at] = c
	}
}

// run answers at the second port until stop.
func (d *discovery) run() {
	if d == nil {
		return
	}
	for _, c := range d.own {
		d.running.Go(func() { d.serve(c) })
	}
}

// stop closes what newDiscovery opened, and waits. Nil-safe.
func (d *discovery) stop() {
	if d == nil {
		return
	}
	for _, c := range d.own {
		_ = c.Close()
	}
	d.running.Wait()
}

func (d *discovery) serve(c net.PacketConn) {
	p, here := make([]byte, 1500), addrPort(c.LocalAddr())
	m := &stun.Message{}
	for {
		n, from, err := c.ReadFrom(p)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // what a client's machine says of an answer
		}
		m.Raw = append(m.Raw[:0], p[:n]...)
		if m.Decode() == nil && m.Type == stun.BindingRequest && d.may(n, addrPort(from)) {
			d.answer(m, addrPort(from), here)
		}
	}
}

// answer answers a Binding request that came here; false: that is pion's matter.
func (d *discovery) answer(m *stun.Message, from, here netip.AddrPort) bool {
	if d == nil {
		return false
	}
	ip, port := slices.Index(d.ours[:], here.Addr()), slices.Index(d.ports[:], here.Port())
	if ip < 0 || port < 0 {
		return false
	}
	change, err := m.Get(stun.AttrChangeRequest)
	if refused := unsupported(m, err == nil && len(change) != 4); len(refused) > 0 {
		d.send(here, from, unknownAttributes(m, refused))
		return true
	}
	other := netip.AddrPortFrom(d.ours[1-ip], d.ports[1-port])
	by := here
	if err == nil {
		bits := binary.BigEndian.Uint32(change)
		if bits&changeAddress != 0 {
			by = netip.AddrPortFrom(d.ours[1-ip], by.Port())
		}
		if bits&changePort != 0 {
			by = netip.AddrPortFrom(by.Addr(), d.ports[1-port])
		}
	}
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.BindingSuccess,
		&stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		&stun.ResponseOrigin{IP: d.outward(by.Addr()).AsSlice(), Port: int(by.Port())},
		&stun.OtherAddress{IP: d.outward(other.Addr()).AsSlice(), Port: int(other.Port())}, stun.Fingerprint)
	if err == nil {
		d.send(by, from, answer.Raw)
	}
	return true
}

func (d *discovery) send(by, to netip.AddrPort, answer []byte) {
	d.mu.Lock()
	c := d.sockets[by]
	d.mu.Unlock()
	if c == nil {
		return // it was refused at the start
	}
	d.said(len(answer))
	_, _ = c.WriteTo(answer, net.UDPAddrFromAddrPort(to))
}

// unsupported are the attributes of a request that we do not have.
func unsupported(m *stun.Message, change bool) (all []stun.AttrType) {
	for _, a := range []stun.AttrType{attrPadding, attrResponsePort} {
		if m.Contains(a) {
			all = append(all, a)
		}
	}
	if change {
		all = append(all, stun.AttrChangeRequest)
	}
	return all
}

// unknownAttributes refuses a request for what we do not have (RFC 8489 6.3.1).
func unknownAttributes(m *stun.Message, all []stun.AttrType) []byte {
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(m.Type.Method, stun.ClassErrorResponse),
		stun.CodeUnknownAttribute, stun.UnknownAttributes(all), stun.Fingerprint)
	if err != nil {
		return nil
	}
	return answer.Raw
}
