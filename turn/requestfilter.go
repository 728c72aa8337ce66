package turn

import (
	"net/netip"
	"time"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/turn/auth"
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

	request stun.Message // as it came; reused
	current authentic    // what is known of it, for its answer
}

// in takes a client's message. pass is what pion is to have, and reply what
// the client is to get at once; nil: nothing.
func (g *requestFilter) in(msg []byte, from, here netip.AddrPort) (pass, reply []byte) {
	if len(msg) > 0 && msg[0]&0xc0 == 0x40 { // ChannelData; the relay knows whether there is the channel
		return msg, nil
	}
	g.current = authentic{}
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
	case m.Type.Method == stun.MethodBinding || !isSigned(m):
		if !g.mayHear(len(msg), from) {
			return nil, nil
		}
		return g.strangers(m, msg, from, here)
	}
	c := client{g.transport, from, here}
	who, code := g.authenticate(m, c)
	if code != 0 {
		if !g.mayHear(len(msg), from) {
			return nil, nil
		}
		return without(m, code), nil
	}
	if m.Type.Method == stun.MethodAllocate {
		g.amplification.proven()
	}
	w, code := g.admit(m, c, who.account)
	if code != 0 {
		return nil, errorResponse(m, who.integrity, code)
	}
	who.next = w.next
	g.current = who
	return g.sign(m, who, w), nil
}

// mayHear says whether a client without credentials may have an answer to n bytes.
func (g *requestFilter) mayHear(n int, from netip.AddrPort) bool {
	if g.transport == "udp" {
		return g.mayAnswerUDP(n, from)
	}
	return g.mayAnswer(from)
}

// strangers is in for a request without credentials.
func (g *requestFilter) strangers(m *stun.Message, msg []byte, from, here netip.AddrPort) (pass, reply []byte) {
	if m.Type.Method != stun.MethodBinding {
		return msg, nil
	}
	if g.transport == "udp" && g.discovery.answer(m, from, here) {
		return nil, nil
	}
	// Who does not know that there is no other address would take an answer for one from there.
	if refused := unsupported(m, m.Contains(stun.AttrChangeRequest)); len(refused) > 0 {
		reply = unknownAttributes(m, refused)
		if g.transport == "udp" {
			g.amplification.answered(len(reply))
		}
		return nil, reply
	}
	return msg, nil
}

// authenticate finds out who a request is from, or gives the
// code of what is wrong: 400, 401 or 438 (RFC 8489 9.2.4).
func (g *requestFilter) authenticate(m *stun.Message, c client) (authentic, stun.ErrorCode) {
	var nonce stun.Nonce
	var name stun.Username
	var realm stun.Realm
	hash, err := m.Get(stun.AttrUserhash)
	if nonce.GetFrom(m) != nil || realm.GetFrom(m) != nil || name.GetFrom(m) != nil && err != nil {
		return authentic{}, stun.CodeBadRequest
	}
	now := time.Now()
	inner, told, fresh := g.nonces.Open(nonce.String(), c.at, now)
	if !fresh {
		return authentic{}, stun.CodeStaleNonce
	}
	by, ok := algorithmOf(m, g.credentials.Algorithms(), told)
	switch {
	case !ok:
		return authentic{}, stun.CodeBadRequest
	case realm.String() != g.cfg.Realm:
		return authentic{}, stun.CodeUnauthorized
	}
	q := auth.Claim{Name: name.String(), Algorithm: by, From: limit.Counted(c.at.Addr())}
	if err == nil {
		q.Name, _ = g.credentials.Named(hash)
	}
	_, q.Open = g.table.owner(c)
	for _, k := range g.credentials.Of(q, now) {
		if i := (integrity{k.Key, m.Contains(integritySHA256)}); i.check(m) {
			return authentic{integrity: i, id: m.TransactionID, inner: inner, account: k.Account}, 0
		}
	}
	g.metrics.refuse("credentials")
	return authentic{}, stun.CodeUnauthorized
}

// admit says by its code what is not allowed of an authentic request, and else what it
// says about the port.
func (g *requestFilter) admit(m *stun.Message, c client, account string) (wish, stun.ErrorCode) {
	if m.Type.Method == stun.MethodAllocate {
		return g.admitAllocate(m, c)
	}
	return wish{}, g.admitOther(m, c, account)
}

func (g *requestFilter) admitAllocate(m *stun.Message, c client) (w wish, code stun.ErrorCode) {
	transport, err := m.Get(stun.AttrRequestedTransport)
	tcp := err == nil && len(transport) == 4 && transport[0] == protocolTCP
	if tcp && !g.cfg.TCPRelay {
		return w, stun.CodeUnsupportedTransProto
	}
	w, ok := wishIn(m, g.token(m, c))
	if !ok || tcp && (w != wish{} || m.Contains(stun.AttrDontFragment)) { // RFC 6062 5.1
		return w, stun.CodeBadRequest
	}
	if _, open := g.table.owner(c); open || w.kept == "" {
		return w, 0 // pion answers the same again, or 437
	}
	if _, ok := g.reservations.at(w.kept); !ok {
		return w, stun.CodeInsufficientCapacity
	}
	return w, 0
}

func (g *requestFilter) admitOther(m *stun.Message, c client, account string) stun.ErrorCode {
	switch m.Type.Method {
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
func errorResponse(m *stun.Message, key integrity, code stun.ErrorCode) []byte {
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
	signed := m.Contains(stun.AttrMessageIntegrity)
	switch who := g.current; {
	case signed && m.TransactionID == who.id && (who.sha256 || len(who.key) != pionKey || who.next != ""):
		m = signedAnew(m, who)
	case !signed && m.Contains(stun.AttrNonce):
		m = g.withNonce(m, to)
	}
	if !m.Contains(stun.AttrFingerprint) {
		_ = stun.Fingerprint.AddTo(m)
	}
	if !signed && g.transport == "udp" {
		g.amplification.answered(len(m.Raw))
	}
	return m.Raw
}

// signedAnew is pion's answer signed as the request was, with what pion does not know.
func signedAnew(m *stun.Message, who authentic) *stun.Message {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	for _, a := range m.Attributes {
		if a.Type != stun.AttrMessageIntegrity && a.Type != stun.AttrFingerprint {
			fresh.Add(a.Type, a.Value)
		}
	}
	if who.next != "" && m.Type == stun.NewType(stun.MethodAllocate, stun.ClassSuccessResponse) {
		fresh.Add(stun.AttrReservationToken, []byte(who.next))
	}
	_ = who.AddTo(fresh) // the key is no longer than a HMAC takes
	return fresh
}

// withNonce is an answer with a nonce that is good for a client, and what it may make keys by.
func (g *requestFilter) withNonce(m *stun.Message, to netip.AddrPort) *stun.Message {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	offered := g.credentials.Algorithms()
	several := len(offered) > 1
	for _, a := range m.Attributes {
		v := a.Value
		if a.Type == stun.AttrNonce {
			v = []byte(g.nonces.Tag(string(v), several, to, time.Now()))
		}
		fresh.Add(a.Type, v)
	}
	if several {
		fresh.Add(algorithmsOffers, algorithms(offered))
	}
	return fresh
}
