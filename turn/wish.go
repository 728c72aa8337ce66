package turn

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/pion/stun/v4"
)

// A wish is what a request for an allocation says about its port (RFC 8656 7.2). Pion
// hears nothing of it: what it calls the realm of the request carries it to ports.
type wish struct {
	even bool   // the port is to be even
	next string // token under which the port after it is to be kept; empty: it is not
	kept string // token under which it was kept; empty: it was not
}

// Words of a wish that is written down.
const (
	wishAny  = "any"
	wishEven = "even"
	wishKept = "kept"
)

// String writes it down.
func (w wish) String() string {
	switch {
	case w.kept != "":
		return wishKept + " " + hex.EncodeToString([]byte(w.kept))
	case w.even:
		return strings.TrimSpace(wishEven + " " + hex.EncodeToString([]byte(w.next)))
	}
	return wishAny
}

// wishOf reads what String wrote; anything else is no wish.
func wishOf(text string) (w wish) {
	word, digits, _ := strings.Cut(text, " ")
	token, err := hex.DecodeString(digits)
	switch {
	case err != nil || len(token) != 0 && len(token) != tokenSize:
	case word == wishEven:
		w.even, w.next = true, string(token)
	case word == wishKept:
		w.kept = string(token)
	}
	return w
}

// tokenSize is how long a RESERVATION-TOKEN is, bytes (RFC 8656 18.9).
const tokenSize = 8

// Of an EVEN-PORT, the bit that the next port is wanted too (RFC 8656 18.6).
const wantsNext = 0x80

// wishIn reads what a request wants; token is the one for the next port. false: what it says
// excludes each other.
func wishIn(m *stun.Message, token string) (w wish, ok bool) {
	kept, err := m.Get(stun.AttrReservationToken)
	if err == nil {
		w.kept = string(kept)
	}
	even, err2 := m.Get(stun.AttrEvenPort)
	if err2 == nil {
		w.even = true
		if len(even) > 0 && even[0]&wantsNext != 0 {
			w.next = token
		}
	}
	switch {
	case err == nil && (len(kept) != tokenSize || err2 == nil || m.Contains(stun.AttrRequestedAddressFamily)):
		return w, false
	case err2 == nil && len(even) != 1:
		return w, false
	}
	return w, true
}

// Lifetimes of allocations (RFC 8656 7.2, 8).
const (
	defaultLifetime = 10 * time.Minute
	longestLifetime = time.Hour
)

// lifetimeIn is how long an allocation is to live, as we grant it: what a request asks for, but
// at least the default, and at most an hour. Of a refresh 0 ends it.
func lifetimeIn(m *stun.Message) time.Duration {
	v, err := m.Get(stun.AttrLifetime)
	if err != nil || len(v) != 4 {
		return defaultLifetime
	}
	asked := time.Duration(binary.BigEndian.Uint32(v)) * time.Second
	if asked == 0 && m.Type.Method == stun.MethodRefresh {
		return 0
	}
	return min(max(asked, defaultLifetime), longestLifetime)
}

// lifetimeValue is one as LIFETIME has it.
func lifetimeValue(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
}
