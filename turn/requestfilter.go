package turn

import (
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
	pion "github.com/pion/turn/v5"
)

// A requestFilter stands between one socket and pion: it looks at each message of a
// client before pion does, and at each answer after. What pion gets is from
// the user that it names (RFC 8489 9.2), fresh, within the limits, and about peers
// that the relay goes to; what pion leaves unanswered is answered.
//
// A requestFilter belongs to the goroutine that reads its socket: pion answers on that
// one too. Only ChannelData and indications may be written by others.
type requestFilter struct {
	*authPolicy
	transport string

	request  stun.Message   // as it came; reused
	reserved netip.AddrPort // that it has a token for; invalid: none
}

// in takes a client's message. pass is what pion is to have, and reply what
// the client is to get at once; nil: nothing.
func (g *requestFilter) in(msg []byte, from, here netip.AddrPort) (pass, reply []byte) {
	if len(msg) > 0 && msg[0]&0xc0 == 0x40 { // ChannelData; the relay knows whether there is the channel
		return msg, nil
	}
	g.reserved = netip.AddrPort{}
	m := &g.request
	m.Reset()
	m.Raw = append(m.Raw, msg...)
	if m.Decode() != nil {
		g.metrics.refuse("malformed")
		return nil, nil
	}
	switch {
	case m.Type.Class == stun.ClassIndication:
		return msg, nil
	case m.Type.Class != stun.ClassRequest:
		return nil, nil
	case m.Type.Method == stun.MethodBinding || !m.Contains(stun.AttrMessageIntegrity):
		if !g.mayAnswer(len(msg), from) {
			return nil, nil
		}
		return msg, nil
	}
	c := client{g.transport, from, here}
	inner, account, key, code := g.authenticate(m, c)
	if code != 0 {
		if !g.mayAnswer(len(msg), from) {
			return nil, nil
		}
		return without(m, code), nil
	}
	if m.Type.Method == stun.MethodAllocate {
		g.amplification.proven()
	}
	if code := g.admit(m, c, account); code != 0 {
		return nil, errorResponse(m, key, code)
	}
	return g.sign(m, inner, account, key, g.reserved), nil
}

// mayAnswer says whether a message of n bytes without credentials may have an answer.
func (g *requestFilter) mayAnswer(n int, from netip.AddrPort) bool {
	if g.transport == "udp" && !g.amplification.received(n) {
		g.metrics.refuse("amplification")
		return false
	}
	if !g.unauthenticated.Take(from.Addr()) {
		g.metrics.refuse("rate")
		return false
	}
	return true
}

// authenticate gives pion's nonce, the account and the key of a request, or the
// code of what is wrong: 400, 401 or 438 (RFC 8489 9.2.4).
func (g *requestFilter) authenticate(m *stun.Message, c client) (inner, account string, key stun.MessageIntegrity, code stun.ErrorCode) {
	var nonce stun.Nonce
	var name stun.Username
	var realm stun.Realm
	if nonce.GetFrom(m) != nil || name.GetFrom(m) != nil || realm.GetFrom(m) != nil {
		return "", "", nil, stun.CodeBadRequest
	}
	now := time.Now()
	inner, fresh := g.nonces.Open(nonce.String(), c.at, now)
	if !fresh {
		return "", "", nil, stun.CodeStaleNonce
	}
	if realm.String() != g.cfg.Realm {
		return "", "", nil, stun.CodeUnauthorized
	}
	_, open := g.table.owner(c)
	for _, k := range g.credentials.Of(name.String(), now, open) {
		if stun.MessageIntegrity(k.Key).Check(m) == nil {
			return inner, k.Account, k.Key, 0
		}
	}
	g.metrics.refuse("credentials")
	return "", "", nil, stun.CodeUnauthorized
}

// admit says by its code what is not allowed of an authentic request.
func (g *requestFilter) admit(m *stun.Message, c client, account string) stun.ErrorCode {
	switch m.Type.Method {
	case stun.MethodAllocate:
		transport, err := m.Get(stun.AttrRequestedTransport)
		if err == nil && len(transport) == 4 && transport[0] == protocolTCP && !g.cfg.TCPRelay {
			return stun.CodeUnsupportedTransProto
		}
		return g.redeem(m)
	case stun.MethodRefresh, stun.MethodCreatePermission, stun.MethodChannelBind, stun.MethodConnect:
	default:
		return 0
	}
	owner, ok := g.table.owner(c)
	switch {
	case !ok:
		return stun.CodeAllocMismatch
	case owner != account:
		return stun.CodeWrongCredentials
	case m.Type.Method == stun.MethodRefresh:
		return 0
	}
	peers, ok := peersOf(m)
	if !ok {
		return stun.CodeBadRequest
	}
	for _, p := range peers {
		// A permission is for an address; a channel and a connection also for a port.
		if !g.peers.permitted(p.Addr()) || m.Type.Method != stun.MethodCreatePermission && !g.peers.reachable(p) {
			g.metrics.refuse("peer")
			return stun.CodeForbidden
		}
	}
	if m.Type.Method == stun.MethodChannelBind && channelOf(m)&0xc000 != 0x4000 {
		return stun.CodeBadRequest
	}
	if !g.table.fits(c, peers, channelOf(m), g.cfg.MaxPermissions, g.cfg.MaxChannels) {
		g.metrics.refuse("peers")
		return stun.CodeInsufficientCapacity
	}
	return 0
}

// redeem takes the port of a reservation. Over TCP pion does it.
func (g *requestFilter) redeem(m *stun.Message) stun.ErrorCode {
	token, err := m.Get(stun.AttrReservationToken)
	if err != nil || g.transport != "udp" || m.Contains(stun.AttrEvenPort) {
		return 0
	}
	var ok bool
	if g.reserved, ok = g.reservations.take(token, time.Now()); !ok {
		return stun.CodeInsufficientCapacity
	}
	return 0
}

// protocolTCP is IANA's number, as in REQUESTED-TRANSPORT.
const protocolTCP = 6

// peersOf reads all peers of a request. false: there is none, or one is malformed.
func peersOf(m *stun.Message) (all []netip.AddrPort, ok bool) {
	one := stun.Message{TransactionID: m.TransactionID}
	for _, a := range m.Attributes {
		if a.Type != stun.AttrXORPeerAddress {
			continue
		}
		var p stun.XORMappedAddress
		one.Attributes = stun.Attributes{a}
		if p.GetFromAs(&one, stun.AttrXORPeerAddress) != nil {
			return nil, false
		}
		ip, _ := netip.AddrFromSlice(p.IP)
		all = append(all, netip.AddrPortFrom(ip.Unmap(), uint16(p.Port)))
	}
	return all, len(all) > 0
}

// channelOf is a request's channel number, or 0.
func channelOf(m *stun.Message) uint16 {
	v, err := m.Get(stun.AttrChannelNumber)
	if err != nil || len(v) < 2 {
		return 0
	}
	return uint16(v[0])<<8 | uint16(v[1])
}

// errorResponse is an answer to an authentic request.
func errorResponse(m *stun.Message, key stun.MessageIntegrity, code stun.ErrorCode) []byte {
	answer, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), stun.NewType(m.Type.Method, stun.ClassErrorResponse), code, key, stun.Fingerprint)
	if err != nil {
		return nil
	}
	return answer.Raw
}

// out takes an answer of pion's and gives what the client is to have.
func (g *requestFilter) out(msg []byte, to netip.AddrPort) []byte {
	// The two bits of the class: 00 request, 01 indication, 10 success, 11 error.
	if len(msg) < 20 || msg[0]&0xc0 != 0 || msg[0]&1 == 0 {
		return msg
	}
	m := &stun.Message{Raw: msg[:len(msg):len(msg)]}
	if m.Decode() != nil {
		return msg
	}
	if g.transport == "udp" {
		g.reservations.note(m, time.Now())
	}
	authentic := m.Contains(stun.AttrMessageIntegrity)
	if nonce, err := m.Get(stun.AttrNonce); err == nil && !authentic {
		m = withNonce(m, g.nonces.Tag(string(nonce), to, time.Now()))
	}
	if !m.Contains(stun.AttrFingerprint) {
		_ = stun.Fingerprint.AddTo(m)
	}
	if !authentic && g.transport == "udp" {
		g.amplification.answered(len(m.Raw))
	}
	return m.Raw
}

// withNonce is an answer with another nonce.
func withNonce(m *stun.Message, nonce string) *stun.Message {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	for _, a := range m.Attributes {
		v := a.Value
		if a.Type == stun.AttrNonce {
			v = []byte(nonce)
		}
		fresh.Add(a.Type, v)
	}
	return fresh
}

// reserving makes the relays of one UDP socket, at the port that its filter took
// for the request which pion is at. Only the goroutine of the filter uses it.
type reserving struct {
	pion.RelayAddressGenerator
	filter *requestFilter
}

// AllocatePacketConn opens a relay socket.
func (r reserving) AllocatePacketConn(c pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if r.filter.reserved.IsValid() {
		c.RequestedPort = int(r.filter.reserved.Port())
	}
	return r.RelayAddressGenerator.AllocatePacketConn(c)
}
