package signal

import "sync"

// turns let one after another change a room.
type turns struct {
	mu    sync.Mutex       // guards what follows
	rooms map[string]*turn // that are being changed
}

type turn struct {
	sync.Mutex
	n int // who has it or waits for it; guarded by turns.mu
}

// take waits for the room's turn; call what it returns to give it on.
func (t *turns) take(room string) (give func()) {
	t.mu.Lock()
	if t.rooms == nil {
		t.rooms = map[string]*turn{}
	}
	r := t.rooms[room]
	if r == nil {
		r = &turn{}
		t.rooms[room] = r
	}
	r.n++
	t.mu.Unlock()
	r.Lock()
	return func() {
		r.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if r.n--; r.n == 0 {
			delete(t.rooms, room)
		}
	}
}
