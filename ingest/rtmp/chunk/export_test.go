package chunk

// Limits that FuzzReader holds a Reader to. It is outside of the package since
// its seed is of rtmptest, which imports this one.
const (
	MaxPending = maxPending
	Prealloc   = prealloc
)

// Held is what a reader holds: chunk streams, bytes of unfinished messages, and
// bytes of buffers.
func (c *Reader) Held() (streams, pending, buffers int) {
	for _, s := range c.streams {
		buffers += cap(s.buf)
	}
	return len(c.streams), c.pending, buffers
}
