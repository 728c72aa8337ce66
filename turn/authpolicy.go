package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/turn/auth"
)

// authPolicy is what all request filters of a worker have together.
type authPolicy struct {
	cfg             Config
	credentials     *auth.Credentials
	nonces          *auth.Nonces
	peers           *peers
	table           *table
	unauthenticated *limit.ByAddress
	amplification   *amplificationLimiter
	reservations    *reservations
	discovery       *discovery // nil: there is none
	metrics         *metrics
	usernameSeal    string // begins names that a filter wrote; clients cannot guess it
}

// mayAnswerUDP says whether a message of n bytes over UDP without credentials may have an answer.
func (g *authPolicy) mayAnswerUDP(n int, from netip.AddrPort) bool {
	if !g.amplification.received(n) {
		g.metrics.refuse("amplification")
		return false
	}
	return g.mayAnswer(from)
}

// mayAnswer says the same of one that came over what has no made-up senders.
func (g *authPolicy) mayAnswer(from netip.AddrPort) bool {
	if !g.unauthenticated.Take(from.Addr()) {
		g.metrics.refuse("rate")
		return false
	}
	return true
}

func newUsernameSeal() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// sign makes of an authentic request what pion takes: with its own nonce, and
// with account and key in the sealed name, so that it looks up neither. What it does not
// know, or does otherwise than RFC 8656 says, is taken out.
func (g *authPolicy) sign(m *stun.Message, a authentic, w wish) []byte {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	key := stun.MessageIntegrity(a.key[:pionKey])
	fresh.Add(stun.AttrUsername, []byte(g.usernameSeal+hex.EncodeToString(key)+a.account))
	fresh.Add(stun.AttrNonce, []byte(a.inner))
	fresh.Add(stun.AttrRealm, []byte(w.String()))
	if m.Type.Method == stun.MethodAllocate || m.Type.Method == stun.MethodRefresh {
		fresh.Add(stun.AttrLifetime, lifetimeValue(lifetimeIn(m)))
	}
	if at, ok := g.reservations.at(w.kept); ok {
		fresh.Add(stun.AttrRequestedAddressFamily, familyOf(at.Addr()))
	}
	for _, a := range m.Attributes {
		switch a.Type {
		case stun.AttrMessageIntegrity, integritySHA256: // what comes after it is not authentic
			_ = key.AddTo(fresh)
			return fresh.Raw
		case stun.AttrUsername, stun.AttrUserhash, stun.AttrNonce, stun.AttrRealm, stun.AttrPasswordAlgorithm, algorithmsOffers,
			stun.AttrLifetime, stun.AttrEvenPort, stun.AttrReservationToken, stun.AttrDontFragment:
		default:
			fresh.Add(a.Type, a.Value)
		}
	}
	return nil // there was one
}

// pionKey is how much of a key pion gets, bytes: all of an MD5. Where a request is signed
// otherwise the filter signs pion's answer anew.
const pionKey = 16

// token is the RESERVATION-TOKEN of a request: the same when it comes again.
func (g *authPolicy) token(m *stun.Message, c client) string {
	h := hmac.New(sha256.New, []byte(g.usernameSeal))
	h.Write([]byte(c.transport + c.at.String() + c.here.String()))
	h.Write(m.TransactionID[:])
	return string(h.Sum(nil)[:tokenSize])
}

// unsealUsername reads the name that sign wrote.
func (g *authPolicy) unsealUsername(name string) (account string, key []byte, ok bool) {
	rest, ok := strings.CutPrefix(name, g.usernameSeal)
	if !ok || len(rest) < 32 || !hmac.Equal([]byte(name[:len(g.usernameSeal)]), []byte(g.usernameSeal)) {
		return "", nil, false
	}
	key, err := hex.DecodeString(rest[:32])
	return rest[32:], key, err == nil
}

// without makes of a request one that pion refuses with a code: 401 for one
// without a signature, 400 for one with nothing but that, 438 for one whose
// nonce is not pion's.
func without(m *stun.Message, code stun.ErrorCode) []byte {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	if code == stun.CodeStaleNonce {
		fresh.Add(stun.AttrNonce, []byte("-"))
	}
	if code != stun.CodeUnauthorized {
		fresh.Add(stun.AttrMessageIntegrity, make([]byte, 20))
	}
	return fresh.Raw
}

// familyOf is an address's as REQUESTED-ADDRESS-FAMILY has it.
func familyOf(ip netip.Addr) []byte {
	if ip.Is4() {
		return []byte{1, 0, 0, 0}
	}
	return []byte{2, 0, 0, 0}
}
