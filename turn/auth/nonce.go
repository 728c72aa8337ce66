package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"
)

// Nonces bind the nonces of pion, which are everybody's and good for an hour,
// to one client for a short time: a tag follows each. Before it may be what a client is to know
// of us (RFC 8489 9.2).
type Nonces struct {
	key  [32]byte
	life time.Duration
}

const (
	nonceTime = 3                               // bytes: seconds, the low ones
	nonceSign = 6                               // bytes of an HMAC-SHA256
	nonceTag  = (nonceTime + nonceSign) / 3 * 4 // in base64
)

// NewNonces makes nonces that are good for so long, up to half a year.
func NewNonces(life time.Duration) *Nonces {
	n := &Nonces{life: life}
	_, _ = rand.Read(n.key[:]) // never fails
	return n
}

// algorithmsCookie is the nonce cookie with the bit of PASSWORD-ALGORITHMS (RFC 8489 18.1). The
// tag is about it too: who takes it away makes the nonce a bad one.
const algorithmsCookie = "obMatJos2" + "AAAB"

// Tag makes a nonce of pion's one that is good for a client now; with algorithms it
// tells the client that there are several.
func (n *Nonces) Tag(inner string, algorithms bool, client netip.AddrPort, now time.Time) string {
	if algorithms {
		inner = algorithmsCookie + inner
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(now.Unix()))
	return inner + n.sign(inner, client, [nonceTime]byte(b[1:]))
}

// Open gives pion's nonce back, and whether it tells of algorithms; not ok: it is stale, or
// another client's.
func (n *Nonces) Open(nonce string, client netip.AddrPort, now time.Time) (inner string, algorithms, ok bool) {
	if len(nonce) <= nonceTag {
		return "", false, false
	}
	inner, tag := nonce[:len(nonce)-nonceTag], nonce[len(nonce)-nonceTag:]
	b, err := base64.RawURLEncoding.DecodeString(tag)
	if err != nil || len(b) != nonceTime+nonceSign {
		return "", false, false
	}
	t := [nonceTime]byte(b)
	if !hmac.Equal([]byte(tag), []byte(n.sign(inner, client, t))) {
		return "", false, false
	}
	made := int64(binary.BigEndian.Uint32(append([]byte{0}, t[:]...)))
	age := (now.Unix() - made) & (1<<(8*nonceTime) - 1)
	inner, algorithms = strings.CutPrefix(inner, algorithmsCookie)
	return inner, algorithms, time.Duration(age)*time.Second <= n.life
}

func (n *Nonces) sign(inner string, client netip.AddrPort, t [nonceTime]byte) string {
	h := hmac.New(sha256.New, n.key[:])
	h.Write(t[:])
	at, _ := client.MarshalBinary() // cannot fail
	h.Write([]byte{byte(len(at))})
	h.Write(at)
	h.Write([]byte(inner))
	return base64.RawURLEncoding.EncodeToString(append(t[:], h.Sum(nil)[:nonceSign]...))
}
