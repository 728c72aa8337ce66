package turn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/turn/auth"
)

// Lengths of STUN, bytes (RFC 8489 5, 14, 14.6).
const (
	messageHeader    = 20
	attributeHeader  = 4
	leastIntegrity   = 16 // of a MESSAGE-INTEGRITY-SHA256 that is cut
	integritySHA256  = stun.AttrMessageIntegritySHA256
	algorithmsOffers = stun.AttrPasswordAlgorithms
)

// checkSHA256 says whether a decoded message is signed with a key by HMAC-SHA256 (RFC 8489 14.6).
func checkSHA256(m *stun.Message, key []byte) bool {
	at := messageHeader
	for _, a := range m.Attributes {
		if a.Type != integritySHA256 {
			at += attributeHeader + (len(a.Value)+3)&^3
			continue
		}
		n := len(a.Value)
		if n < leastIntegrity || n > sha256.Size || n%4 != 0 || at > len(m.Raw) {
			return false
		}
		return hmac.Equal(a.Value, signSHA256(m.Raw[:at], key, n)[:n])
	}
	return false
}

// signSHA256 is the signature of a message up to where an attribute with n bytes of it is.
func signSHA256(before, key []byte, n int) []byte {
	h := hmac.New(sha256.New, key)
	var length [2]byte // as if the message ended with the signature
	binary.BigEndian.PutUint16(length[:], uint16(len(before)-messageHeader+attributeHeader+n))
	h.Write(before[:2])
	h.Write(length[:])
	h.Write(before[4:])
	return h.Sum(nil)
}

// integrity signs an answer as its request was.
type integrity struct {
	key    []byte
	sha256 bool
}

// AddTo is what stun.Build calls.
func (i integrity) AddTo(m *stun.Message) error {
	if !i.sha256 {
		return stun.MessageIntegrity(i.key).AddTo(m)
	}
	m.WriteLength()
	m.Add(integritySHA256, signSHA256(m.Raw, i.key, sha256.Size))
	return nil
}

// check says whether a request is signed so.
func (i integrity) check(m *stun.Message) bool {
	if i.sha256 {
		return checkSHA256(m, i.key)
	}
	return stun.MessageIntegrity(i.key).Check(m) == nil
}

// authentic is what is known of a request whose signature is good.
type authentic struct {
	integrity
	id      [stun.TransactionIDSize]byte
	inner   string // pion's nonce
	account string
	next    string // token of the port that is kept with the allocation; empty: none is
}

// isSigned says whether a message is, in any way.
func isSigned(m *stun.Message) bool {
	return m.Contains(stun.AttrMessageIntegrity) || m.Contains(integritySHA256)
}

// algorithms are a list as PASSWORD-ALGORITHMS has it (RFC 8489 14.2); those that we
// know have no parameters.
func algorithms(all []auth.Algorithm) (b []byte) {
	for _, a := range all {
		b = append(binary.BigEndian.AppendUint16(b, uint16(a)), 0, 0)
	}
	return b
}

// algorithmOf is what a request says that its key is made by; false: it makes no sense, or
// is not what it was offered (RFC 8489 9.2.4).
func algorithmOf(m *stun.Message, offered []auth.Algorithm, told bool) (auth.Algorithm, bool) {
	list, err := m.Get(algorithmsOffers)
	one, err2 := m.Get(stun.AttrPasswordAlgorithm)
	switch {
	case err != nil && err2 != nil:
		return auth.MD5, true
	case !told:
		return auth.MD5, err2 != nil || isAlgorithm(one, auth.MD5) // nobody told it of others
	case err != nil || err2 != nil || string(list) != string(algorithms(offered)):
		return 0, false
	}
	for _, a := range offered {
		if isAlgorithm(one, a) {
			return a, true
		}
	}
	return 0, false
}

// isAlgorithm reads a PASSWORD-ALGORITHM (RFC 8489 14.1).
func isAlgorithm(value []byte, a auth.Algorithm) bool {
	return string(value) == string(algorithms([]auth.Algorithm{a}))
}
