package ingest

import (
	"slices"

	"github.com/helios-h2020/pse/bus"
)

// ring holds the last chunks of an epoch: first some that are stored, then
// those that wait. Not safe for concurrent use.
type ring struct {
	maxBytes int
	maxSpan  int64 // ms of stream clock

	chunks []*bus.Chunk
	sent   int // so many of chunks, from the front, are stored
	bytes  int
	pools  [2]bufferPool // of buffers for chunks, and for the larger Key chunks
}

// bufferPool keeps buffers of chunks that are gone for those to come.
type bufferPool struct {
	size int // of the largest chunk lately
	free [][]byte
}

func (r *ring) poolOf(key bool) *bufferPool {
	if key {
		return &r.pools[1]
	}
	return &r.pools[0]
}

const (
	keepGOPs = 2  // groups of pictures that stay after they were stored
	maxFree  = 64 // buffers in a pool: more than the chunks of a group of pictures
)

// push appends a chunk and lets the oldest go that are over the limits. It
// returns how many of those were never stored.
func (r *ring) push(c *bus.Chunk) (lost int) {
	r.chunks = append(r.chunks, c)
	r.bytes += len(c.Tags)
	p := r.poolOf(c.Key)
	p.size = max(len(c.Tags), p.size-p.size/16)
	for len(r.chunks) > 1 && (r.bytes > r.maxBytes || c.DTS-r.chunks[0].DTS > r.maxSpan) {
		lost += r.drop()
		// What is left begins where a decoder can begin.
		for r.sent == 0 && len(r.chunks) > 1 && !r.chunks[0].Key {
			lost += r.drop()
		}
	}
	return lost
}

// next is the oldest chunk that waits, or nil.
func (r *ring) next() *bus.Chunk {
	if r.sent == len(r.chunks) {
		return nil
	}
	return r.chunks[r.sent]
}

// acked notes that c is stored, if it is still the one that next gives, and
// lets stored groups of pictures go.
func (r *ring) acked(c *bus.Chunk) {
	if r.next() != c {
		return
	}
	r.sent++
	if !c.Key {
		return
	}
	keys := 0
	for i := r.sent - 1; i >= 0; i-- {
		if !r.chunks[i].Key {
			continue
		}
		if keys++; keys > keepGOPs {
			for range i + 1 {
				r.drop()
			}
			for r.sent > 0 && !r.chunks[0].Key {
				r.drop()
			}
			return
		}
	}
}

// rewind makes all chunks from the oldest Key chunk on wait again, and
// returns how many of them were stored.
func (r *ring) rewind() int {
	first := slices.IndexFunc(r.chunks, func(c *bus.Chunk) bool { return c.Key })
	if first < 0 || first > r.sent {
		return 0
	}
	for range first {
		r.drop()
	}
	n := r.sent
	r.sent = 0
	return n
}

func (r *ring) drop() (lost int) {
	c := r.chunks[0]
	r.chunks[0] = nil
	r.chunks = r.chunks[1:]
	r.bytes -= len(c.Tags)
	if r.sent == 0 {
		return 1 // it may be on its way to the bus: its buffer is not ours
	}
	r.sent--
	if p := r.poolOf(c.Key); len(p.free) < maxFree {
		p.free = append(p.free, c.Tags[:0])
	}
	return 0
}

// buffer is an empty buffer that the next chunk will hardly outgrow.
func (r *ring) buffer(key bool) []byte {
	p := r.poolOf(key)
	for n := len(p.free); n > 0; n = len(p.free) {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		if cap(b) >= p.size && cap(b) <= 4*p.size+8<<10 {
			return b
		}
	}
	return make([]byte, 0, p.size+p.size/4+1<<10)
}
