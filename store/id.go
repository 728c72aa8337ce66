package store

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
)

// TokenSize is the length of names and keys: 120 random bits in base32.
const TokenSize = 24

// NewToken is a name or a key that nobody guesses.
func NewToken() string {
	b := make([]byte, TokenSize*5/8)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// ParseID takes what stands in a URL apart: NAME-KEY. The name is the file's,
// the key says what may be done with it. Nothing else is an id, so that a name
// can be a directory's without a thought.
func ParseID(id string) (name, key string, ok bool) {
	if len(id) != 2*TokenSize+1 || id[TokenSize] != '-' {
		return "", "", false
	}
	name, key = id[:TokenSize], id[TokenSize+1:]
	return name, key, IsToken(name) && IsToken(key)
}

// IsToken says whether a text is a name or a key.
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

// SameKey compares keys in a time that tells nothing of them.
func SameKey(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
