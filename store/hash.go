package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Hash is the SHA-256 of an upload's data in hexadecimal, and its length in bytes. The
// data is read through the reader that through makes, which may limit the rate, and fail.
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

// ReadHash is the SHA-256 of what r gives in hexadecimal, and its length in bytes. It
// reads into buf; nil: into a buffer of its own.
func ReadHash(r io.Reader, buf []byte) (sha string, n int64, err error) {
	h := sha256.New()
	n, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{r}, buf) // the bare interfaces: through buf
	return hex.EncodeToString(h.Sum(nil)), n, err
}
