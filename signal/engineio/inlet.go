package engineio

import (
	"net"
	"sync"
	"syscall"
)

// inletBytes is what is read at once: some frames.
const inletBytes = 4 << 10

// inlets are buffers of inletBytes that no connection needs now.
type inlets struct{ sync.Pool }

func newInlets() *inlets {
	return &inlets{sync.Pool{New: func() any { return new([inletBytes]byte) }}}
}

// inlet reads from a connection. While it waits for it to have something, it
// holds no buffer: most connections wait most of the time.
type inlet struct {
	conn net.Conn
	raw  syscall.RawConn // nil: conn cannot tell when it has something (TLS), and buffers itself
	pool *inlets
	try  func(fd uintptr) bool // attempt, made once

	rest []byte            // read and not used yet
	buf  *[inletBytes]byte // what rest is a part of, to be given back; may be nil
	err  error             // attempt's
}

// newInlet is an inlet of which early was read already.
func newInlet(conn net.Conn, pool *inlets, early []byte) *inlet {
	i := &inlet{conn: conn, raw: rawOf(conn), pool: pool, rest: early}
	i.try = i.attempt
	return i
}

// Read is io.Reader's.
func (i *inlet) Read(p []byte) (int, error) {
	if len(i.rest) == 0 {
		if i.raw == nil || len(p) >= inletBytes {
			return i.conn.Read(p)
		}
		if err := i.raw.Read(i.try); err != nil {
			return 0, err
		}
		if i.err != nil {
			return 0, i.err
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

// attempt reads what is there; false: nothing is, yet.
func (i *inlet) attempt(fd uintptr) bool {
	b := i.pool.Get().(*[inletBytes]byte)
	n, err := readNow(fd, b[:])
	if n > 0 {
		i.buf, i.rest, i.err = b, b[:n], nil
		return true
	}
	i.pool.Put(b)
	i.err = err
	return err != errNotNow //nolint:errorlint // our own, as it is
}
