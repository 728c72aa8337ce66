package transfer

import (
	"crypto/sha1" // what tus asks for; it guards against accidents, not people
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strings"
)

// checksumAlgorithms is what OPTIONS tells.
const checksumAlgorithms = "sha1,sha256,crc32c"

// A checksum is what a request's body must have (Upload-Checksum of tus).
type checksum struct {
	hash hash.Hash
	want []byte
}

// parseChecksum reads the header's value; empty: nil.
func parseChecksum(header string) (*checksum, error) {
	if header == "" {
		return nil, nil
	}
	algorithm, value, ok := strings.Cut(header, " ")
	if !ok {
		return nil, errAlgorithm
	}
	want, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil, errAlgorithm
	}
	c := &checksum{want: want}
	switch algorithm {
	case "sha1":
		c.hash = sha1.New()
	case "sha256":
		c.hash = sha256.New()
	case "crc32c":
		c.hash = crc32.New(castagnoli())
	default:
		return nil, errAlgorithm
	}
	if len(want) != c.hash.Size() {
		return nil, errAlgorithm
	}
	return c, nil
}

// write takes a part of the body. Nil-safe.
func (c *checksum) write(b []byte) {
	if c != nil {
		_, _ = c.hash.Write(b) // never fails
	}
}

// check says whether all that was written is right: nil or errChecksum.
func (c *checksum) check() error {
	if subtle.ConstantTimeCompare(c.hash.Sum(nil), c.want) != 1 {
		return errChecksum
	}
	return nil
}
