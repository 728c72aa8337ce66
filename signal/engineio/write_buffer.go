package engineio

import (
	"bytes"
	"io"
	"sync"
)

// writeBytes bounds what is written at once, unless one message is longer.
const writeBytes = 32 << 10

// writeBuffers are buffers of writeBytes and more that no connection needs now.
type writeBuffers struct{ sync.Pool }

func newWriteBuffers() *writeBuffers {
	return &writeBuffers{sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// writeBuffer gathers bytes and writes them to a connection. While there is nothing
// to write it holds no buffer. One at a time uses it.
type writeBuffer struct {
	conn io.Writer
	fd   *fdConn // conn, if it is one; nil: it cannot write without waiting (TLS)
	pool *writeBuffers

	buf *bytes.Buffer // what is to be written; nil: nothing
}

// canFlushNow reports whether flushNow can be used.
func (b *writeBuffer) canFlushNow() bool { return b.fd != nil }

// isEmpty reports whether there is nothing to write.
func (b *writeBuffer) isEmpty() bool { return b.buf == nil }

// grow is where to put what is to be written next, size bytes.
func (b *writeBuffer) grow(size int) *bytes.Buffer {
	if b.buf == nil {
		b.buf = b.pool.Get().(*bytes.Buffer)
	}
	b.buf.Grow(size)
	return b.buf
}

// isFull reports whether there is as much as is written at once.
func (b *writeBuffer) isFull() bool { return b.buf != nil && b.buf.Len() >= writeBytes }

// flushNow writes what the connection takes without waiting. An error is left for
// flush to find.
func (b *writeBuffer) flushNow() {
	n, _ := b.fd.writeNow(b.buf.Bytes())
	b.buf.Next(n)
	if b.buf.Len() == 0 {
		b.discard()
	}
}

// flush writes all.
func (b *writeBuffer) flush() error {
	defer b.discard()
	_, err := b.conn.Write(b.buf.Bytes())
	return err
}

// discard forgets what was to be written.
func (b *writeBuffer) discard() {
	if b.buf.Cap() <= 2*writeBytes {
		b.buf.Reset()
		b.pool.Put(b.buf)
	}
	b.buf = nil
}
