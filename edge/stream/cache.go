package stream

import (
	lru "container/list"
	"context"
	"sync"

	"github.com/helios-h2020/pse/bus"
)

// cache holds messages of the parts log that were read one by one, the least
// recently used go first. Readers of the same message share one read.
type cache struct {
	read  func(ctx context.Context, seq uint64) (*bus.Part, error)
	limit int // bytes

	mu      sync.Mutex
	size    int
	entries map[uint64]*lru.Element // of *entry
	recent  *lru.List               // front: last used
	reads   map[uint64]*reading
}

type entry struct {
	seq  uint64
	part *bus.Part
}

type reading struct {
	done chan struct{}
	part *bus.Part
	err  error
}

func newCache(limit int, read func(context.Context, uint64) (*bus.Part, error)) *cache {
	return &cache{read: read, limit: limit, entries: map[uint64]*lru.Element{}, recent: lru.New(), reads: map[uint64]*reading{}}
}

func (c *cache) get(ctx context.Context, seq uint64) (*bus.Part, error) {
	for {
		c.mu.Lock()
		if e := c.entries[seq]; e != nil {
			c.recent.MoveToFront(e)
			c.mu.Unlock()
			return e.Value.(*entry).part, nil
		}
		r := c.reads[seq]
		if r == nil {
			r = &reading{done: make(chan struct{})}
			c.reads[seq] = r
			c.mu.Unlock()
			r.part, r.err = c.read(ctx, seq)
			c.finish(seq, r)
			return r.part, r.err
		}
		c.mu.Unlock()
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r.err == nil || ctx.Err() != nil {
			return r.part, r.err
		}
		// The reader's own request may have been cut off: try for ourselves
		// once it is not that the message is gone.
		if isNotFound(r.err) {
			return nil, r.err
		}
	}
}

func (c *cache) finish(seq uint64, r *reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.reads, seq)
	if r.err == nil {
		c.entries[seq] = c.recent.PushFront(&entry{seq, r.part})
		c.size += weight(r.part)
		for c.size > c.limit && c.recent.Len() > 1 {
			last := c.recent.Remove(c.recent.Back()).(*entry)
			delete(c.entries, last.seq)
			c.size -= weight(last.part)
		}
	}
	close(r.done)
}

// bytes is what is held, at most a message more than the limit.
func (c *cache) bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

func weight(p *bus.Part) int { return len(p.Data) + len(p.Init) + 512 }
