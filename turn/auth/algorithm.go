package auth

import (
	"crypto/md5" // what RFC 8489 9.2.2 prescribes
	"crypto/sha256"
)

// An Algorithm makes a long-term key of a name, a realm and a password (RFC 8489 18.5.1).
type Algorithm uint16

// Those there are.
const (
	MD5    Algorithm = 1
	SHA256 Algorithm = 2
)

// Key is the long-term key (RFC 8489 9.2.2); nil: no such algorithm.
func (a Algorithm) Key(name, realm, password string) []byte {
	text := []byte(name + ":" + realm + ":" + password)
	switch a {
	case MD5:
		k := md5.Sum(text)
		return k[:]
	case SHA256:
		k := sha256.Sum256(text)
		return k[:]
	}
	return nil
}

// userhash is what USERHASH has instead of a name (RFC 8489 14.4).
func userhash(name, realm string) [sha256.Size]byte { return sha256.Sum256([]byte(name + ":" + realm)) }
