package store

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
)

// TokenSize is the length of names and keys in bytes: 120 random bits in base32.
const TokenSize = 24

// NewToken is a new name or key, from crypto/rand.
func NewToken() string {
	b := make([]byte, TokenSize*5/8)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// ParseID splits the NAME-KEY of a URL: the name of the file, and a key for what may be
// done with it. ok is false unless both are tokens, so a name is always safe as that of a
// directory.
func ParseID(id string) (name, key string, ok bool) {
	if len(id) != 2*TokenSize+1 || id[TokenSize] != '-' {
		return "", "", false
	}
	name, key = id[:TokenSize], id[TokenSize+1:]
	return name, key, IsToken(name) && IsToken(key)
}

// IsToken says whether a text has the form of a name or key.
func IsToken(s string) bool {
	if len(s) != TokenSize {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// SameKey compares keys in constant time.
func SameKey(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
