package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Hash is the SHA-256 of an upload's bytes, in hexadecimal, and how many they
// are. through may slow reading down, and end it.
func (s *Store) Hash(i *Info, through func(io.Reader) io.Reader) (sha string, n int64, err error) {
	f, err := s.Open(i)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	if sha, n, err = ReadHash(through(f), *buf); err != nil {
		return "", n, fmt.Errorf("read %s for its hash: %w", i.Name, err)
	}
	return sha, n, nil
}

// ReadHash is the SHA-256 of what is read, in hexadecimal, and how much that is.
// It reads into buf, or into one of its own.
func ReadHash(r io.Reader, buf []byte) (sha string, n int64, err error) {
	h := sha256.New()
	n, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, buf) // the bare interfaces: through buf
	return hex.EncodeToString(h.Sum(nil)), n, err
}
