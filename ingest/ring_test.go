package ingest

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// fill pushes chunks of 100 ms and 1000 bytes with a Key chunk a second, and
// stores them all if ack.
func fill(r *ring, from, n int, ack bool) (lost int) {
	for i := from; i < from+n; i++ {
		c := &bus.Chunk{N: uint64(i), DTS: int64(i) * 100, Key: i%10 == 0, Tags: append(r.buffer(i%10 == 0), make([]byte, 1000)...)}
		lost += r.push(c)
		if ack {
			r.acked(r.next())
		}
	}
	return lost
}

func newRing() *ring { return &ring{maxBytes: 100_000, maxSpan: 5000} }

// Of what is stored two groups of pictures stay, and buffers go round.
func TestRingLetsStoredChunksGo(t *testing.T) {
	r := newRing()
	if lost := fill(r, 0, 100, true); lost != 0 || r.next() != nil || len(r.chunks) != 20 || r.chunks[0].N != 80 || !r.chunks[0].Key {
		t.Errorf("%d lost, %d chunks from %d", lost, len(r.chunks), r.chunks[0].N)
	}
	fill(r, 100, 1, true) // and so the oldest group goes
	if b := r.buffer(false); len(r.pools[0].free) == 0 || len(b) != 0 || cap(b) < 1000 {
		t.Errorf("a buffer of %d bytes, %d free", cap(b), len(r.pools[0].free))
	}
}

// Over the limits the oldest go, and what is left begins with a Key chunk.
func TestRingOverflows(t *testing.T) {
	for name, r := range map[string]*ring{"by time": newRing(), "by size": {maxBytes: 51_000, maxSpan: 1 << 40}} {
		lost := fill(r, 0, 100, false)
		if first := r.next(); lost != 50 || first.N != 50 || !first.Key {
			t.Errorf("%s: %d lost, goes on with %d", name, lost, first.N)
		}
	}
}

// After the log was lost everything from the oldest Key chunk on waits again.
func TestRingRewinds(t *testing.T) {
	r := newRing()
	fill(r, 0, 25, true)
	fill(r, 25, 3, false)
	if n := r.rewind(); n != 15 || r.next().N != 10 {
		t.Errorf("%d chunks again, from %d", n, r.next().N)
	}
	for c := r.next(); c != nil; c = r.next() {
		r.acked(c)
	}
	if r.sent != len(r.chunks) || r.bytes != len(r.chunks)*1000 {
		t.Errorf("%d of %d stored, %d bytes", r.sent, len(r.chunks), r.bytes)
	}
	r = newRing()
	fill(r, 1, 5, true) // no Key chunk at all
	if n := r.rewind(); n != 0 || r.next() != nil {
		t.Errorf("%d chunks again without a Key chunk", n)
	}
}

// A chunk that was dropped while it was on its way is not taken for the one that waits.
func TestRingAcksWhatIsThere(t *testing.T) {
	r := newRing()
	fill(r, 0, 1, false)
	c := r.next()
	fill(r, 1, 99, false)
	r.acked(c)
	if r.sent != 0 {
		t.Error("the ack went to another chunk")
	}
}
