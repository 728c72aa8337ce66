package turn

import (
	"crypto/hmac"
	"crypto/rand"
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
	metrics         *metrics
	usernameSeal    string // begins names that a filter wrote; clients cannot guess it
}

func newUsernameSeal() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// sign makes of an authentic request what pion takes: with its own nonce, and
// with account and key in the sealed name, so that it looks up neither.
func (g *authPolicy) sign(m *stun.Message, inner, account string, key stun.MessageIntegrity, reserved netip.AddrPort) []byte {
	fresh := stun.New()
	fresh.SetType(m.Type)
	fresh.TransactionID = m.TransactionID
	fresh.WriteHeader()
	for _, a := range m.Attributes {
		v := a.Value
		switch a.Type {
		case stun.AttrReservationToken:
			if reserved.IsValid() { // and pion need not know
				fresh.Add(stun.AttrRequestedAddressFamily, familyOf(reserved.Addr()))
				continue
			}
		case stun.AttrRequestedAddressFamily:
			if reserved.IsValid() {
				continue
			}
		case stun.AttrMessageIntegrity: // what comes after it is not authentic
			_ = key.AddTo(fresh)
			return fresh.Raw
		case stun.AttrNonce:
			v = []byte(inner)
		case stun.AttrUsername:
			v = []byte(g.usernameSeal + hex.EncodeToString(key) + account)
		}
		fresh.Add(a.Type, v)
	}
	return nil // there was one
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
