package transfer

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
)

// tokenSize is the length of names and keys: 120 random bits in base32.
const tokenSize = 24

// newToken is a name or a key that nobody guesses.
func newToken() string {
	b := make([]byte, tokenSize*5/8)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}

// parseID takes what stands in a URL apart: NAME-KEY. The name is the file's,
// the key says what may be done with it. Nothing else is an id, so that a name
// can be a directory's without a thought.
func parseID(id string) (name, key string, ok bool) {
	if len(id) != 2*tokenSize+1 || id[tokenSize] != '-' {
		return "", "", false
	}
	name, key = id[:tokenSize], id[tokenSize+1:]
	return name, key, isToken(name) && isToken(key)
}

func isToken(s string) bool {
	if len(s) != tokenSize {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// same compares keys in a time that tells nothing of them.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
