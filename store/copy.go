package store

import (
	"io"
	"time"
)

// CopySize is how many bytes are read and written at once: fewer cost more system calls.
const CopySize = 512 << 10

// flushTime is how long bytes of a growing file may wait for more before followers see
// them.
const flushTime = 100 * time.Millisecond

// Fill reads until the buffer is full, the reader has ended, or flushTime has passed
// since the first byte. An error of the reader is its end.
func Fill(src io.Reader, buf []byte) (n int, ended bool) {
	if len(buf) == 0 {
		return 0, true
	}
	var begun time.Time
	for n < len(buf) {
		m, err := src.Read(buf[n:])
		n += m
		if err != nil {
			return n, true // what came before counts
		}
		if m == 0 {
			continue
		}
		if now := time.Now(); begun.IsZero() {
			begun = now
		} else if now.Sub(begun) >= flushTime {
			break
		}
	}
	return n, false
}
