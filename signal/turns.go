package signal

import (
	"context"
	"sync"
)

// turns let one after another change a room.
type turns struct {
	mu    sync.Mutex       // guards what follows
	rooms map[string]*turn // that are being changed
}

type turn struct {
	taken chan struct{} // holds one while somebody has it
	n     int           // who has it or waits for it; guarded by turns.mu
}

// take waits for the room's turn until ctx ends; call what it returns to give it on.
func (t *turns) take(ctx context.Context, room string) (give func(), err error) {
	t.mu.Lock()
	if t.rooms == nil {
		t.rooms = map[string]*turn{}
	}
	r := t.rooms[room]
	if r == nil {
		r = &turn{taken: make(chan struct{}, 1)}
		t.rooms[room] = r
	}
	r.n++
	t.mu.Unlock()
	done := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if r.n--; r.n == 0 {
			delete(t.rooms, room)
		}
	}
	select {
	case r.taken <- struct{}{}:
		return func() { <-r.taken; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
