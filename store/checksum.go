package store

import (
	"crypto/sha1" // tus requires it; it guards against accidents, not attacks
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strings"
)

// ChecksumAlgorithms are those that ParseChecksum knows.
const ChecksumAlgorithms = "sha1,sha256,crc32c"

// A Checksum is that which appended bytes must have. It is used for one Append.
type Checksum struct {
	hash hash.Hash
	want []byte
}

// ParseChecksum reads a checksum as tus writes it (Upload-Checksum): the name of an
// algorithm, a space, and the sum in base64. An empty text is nil; ErrAlgorithm.
func ParseChecksum(text string) (*Checksum, error) {
	if text == "" {
		return nil, nil
	}
	algorithm, value, ok := strings.Cut(text, " ")
	if !ok {
		return nil, ErrAlgorithm
	}
	want, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil, ErrAlgorithm
	}
	c := &Checksum{want: want}
	switch algorithm {
	case "sha1":
		c.hash = sha1.New()
	case "sha256":
		c.hash = sha256.New()
	case "crc32c":
		c.hash = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	default:
		return nil, ErrAlgorithm
	}
	if len(want) != c.hash.Size() {
		return nil, ErrAlgorithm
	}
	return c, nil
}

// Write adds bytes. Nil-safe.
func (c *Checksum) Write(b []byte) {
	if c != nil {
		_, _ = c.hash.Write(b) // never fails
	}
}

// Check is ErrChecksum if the bytes written have another checksum.
func (c *Checksum) Check() error {
	if subtle.ConstantTimeCompare(c.hash.Sum(nil), c.want) != 1 {
		return ErrChecksum
	}
	return nil
}
