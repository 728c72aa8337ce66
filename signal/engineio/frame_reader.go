package engineio

import (
	"errors"
	"io"
	"sync"
)

// readBytes is how much is read at once: some frames.
const readBytes = 4 << 10

// readBuffers are buffers of readBytes that no connection needs now.
type readBuffers struct{ sync.Pool }

func newReadBuffers() *readBuffers {
	return &readBuffers{sync.Pool{New: func() any { return new([readBytes]byte) }}}
}

// frameReader reads from a connection. While it waits for an fdConn to have
// something, it holds no buffer: most connections wait most of the time.
type frameReader struct {
	conn io.Reader
	fd   *fdConn // conn, if it is one; nil: it cannot tell when it has something (TLS), and buffers itself
	pool *readBuffers

	rest    []byte           // read and not used yet
	buf     *[readBytes]byte // what rest is a part of, to be given back; may be nil
	drained bool             // what was read last was all there was
}

// Read is io.Reader's.
func (r *frameReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.fd == nil || len(p) >= readBytes {
			r.drained = false
			return r.conn.Read(p)
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		if r.buf != nil {
			r.pool.Put(r.buf)
		}
		r.rest, r.buf = nil, nil
	}
	return n, nil
}

// fill waits until there is something, and reads it.
func (r *frameReader) fill() error {
	for {
		if r.drained && !r.fd.ended.Load() {
			<-r.fd.readable
		}
		b := r.pool.Get().(*[readBytes]byte)
		n, err := r.fd.readNow(b[:])
		r.drained = n < len(b)
		if n > 0 {
			r.buf, r.rest = b, b[:n]
			return nil
		}
		r.pool.Put(b)
		if !errors.Is(err, errNotNow) {
			return err
		}
		<-r.fd.readable
		r.drained = false
	}
}
