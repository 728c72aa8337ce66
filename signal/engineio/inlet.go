package engineio

import (
	"errors"
	"io"
	"sync"
)

// inletBytes is what is read at once: some frames.
const inletBytes = 4 << 10

// inlets are buffers of inletBytes that no connection needs now.
type inlets struct{ sync.Pool }

func newInlets() *inlets {
	return &inlets{sync.Pool{New: func() any { return new([inletBytes]byte) }}}
}

// inlet reads from a connection. While it waits for a bare one to have
// something, it holds no buffer: most connections wait most of the time.
type inlet struct {
	conn io.Reader
	bare *bareConn // conn, if it is one; nil: it cannot tell when it has something (TLS), and buffers itself
	pool *inlets

	rest []byte            // read and not used yet
	buf  *[inletBytes]byte // what rest is a part of, to be given back; may be nil
	dry  bool              // what was read last was all there was
}

// Read is io.Reader's.
func (i *inlet) Read(p []byte) (int, error) {
	if len(i.rest) == 0 {
		if i.bare == nil || len(p) >= inletBytes {
			i.dry = false
			return i.conn.Read(p)
		}
		if err := i.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, i.rest)
	if i.rest = i.rest[n:]; len(i.rest) == 0 {
		if i.buf != nil {
			i.pool.Put(i.buf)
		}
		i.rest, i.buf = nil, nil
	}
	return n, nil
}

// fill waits until there is something, and reads it.
func (i *inlet) fill() error {
	for {
		if i.dry && !i.bare.ended.Load() {
			<-i.bare.ready
		}
		b := i.pool.Get().(*[inletBytes]byte)
		n, err := i.bare.readNow(b[:])
		i.dry = n < len(b)
		if n > 0 {
			i.buf, i.rest = b, b[:n]
			return nil
		}
		i.pool.Put(b)
		if !errors.Is(err, errNotNow) {
			return err
		}
		<-i.bare.ready
		i.dry = false
	}
}
