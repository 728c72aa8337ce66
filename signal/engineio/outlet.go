package engineio

import (
	"bytes"
	"io"
	"sync"
)

// writeBytes bounds what is written at once, unless one message is longer.
const writeBytes = 32 << 10

// outlets are buffers of writeBytes and more that no connection needs now.
type outlets struct{ sync.Pool }

func newOutlets() *outlets {
	return &outlets{sync.Pool{New: func() any { return new(bytes.Buffer) }}}
}

// outlet gathers bytes and writes them to a connection. One at a time uses it.
type outlet struct {
	conn io.Writer
	bare *bareConn // conn, if it is one; nil: it cannot write without waiting (TLS)
	pool *outlets

	buf *bytes.Buffer // what is to be written; nil: nothing
}

// prompt says whether now can be used.
func (o *outlet) prompt() bool { return o.bare != nil }

// left says whether there is something to write.
func (o *outlet) left() bool { return o.buf != nil }

// room is where to put what is to be written next, size bytes.
func (o *outlet) room(size int) *bytes.Buffer {
	if o.buf == nil {
		o.buf = o.pool.Get().(*bytes.Buffer)
	}
	o.buf.Grow(size)
	return o.buf
}

// enough says whether there is as much as is written at once.
func (o *outlet) enough() bool { return o.buf != nil && o.buf.Len() >= writeBytes }

// now writes what the connection takes without waiting. An error is left for
// wait to find.
func (o *outlet) now() {
	n, _ := o.bare.writeNow(o.buf.Bytes())
	o.buf.Next(n)
	if o.buf.Len() == 0 {
		o.drop()
	}
}

// wait writes all.
func (o *outlet) wait() error {
	defer o.drop()
	_, err := o.conn.Write(o.buf.Bytes())
	return err
}

// drop forgets what was to be written.
func (o *outlet) drop() {
	if o.buf.Cap() <= 2*writeBytes {
		o.buf.Reset()
		o.pool.Put(o.buf)
	}
	o.buf = nil
}
