package signal

import (
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// presence is what this worker sees of all rooms, and since when. Times are of its
// own clock only.
type presence struct {
	mu     sync.Mutex // guards what follows
	all    map[string]*bus.Room
	states map[memberKey]state
	synced chan struct{} // closed when all rooms were seen once
	once   sync.Once
}

type memberKey struct{ room, socketID string }

// state is what matters of a member's record, and since when it has been so.
type state struct {
	worker, incarnation string
	away                int64
	left                bool
	since               time.Time
}

func newPresence() *presence {
	return &presence{all: map[string]*bus.Room{}, states: map[memberKey]state{}, synced: make(chan struct{})}
}

// set takes a room's new record.
func (p *presence) set(r *bus.Room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	was := p.all[r.Name]
	if was != nil {
		for _, m := range was.Members {
			if r.Member(m.SID) == nil {
				delete(p.states, memberKey{r.Name, m.SID})
			}
		}
	}
	for _, m := range r.Members {
		s := state{m.Worker, m.Term, m.Away, m.Left != nil, now}
		k := memberKey{r.Name, m.SID}
		if old, ok := p.states[k]; ok && old.worker == s.worker && old.incarnation == s.incarnation && old.away == s.away && old.left == s.left {
			continue
		}
		p.states[k] = s
	}
	if len(r.Members) == 0 {
		delete(p.all, r.Name)
		return
	}
	p.all[r.Name] = r
}

// allSeen notes that every room there is was seen.
func (p *presence) allSeen() { p.once.Do(func() { close(p.synced) }) }

// rooms is how many rooms have anybody in them.
func (p *presence) rooms() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// room is a room's record as last seen, nil if there is none. It must not be changed.
func (p *presence) room(name string) *bus.Room {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[name]
}

// each calls f with every room, under the lock.
func (p *presence) each(f func(*bus.Room)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.all {
		f(r)
	}
}

// members calls f with every member, and for how long what matters of its record has
// been the same, under the lock.
func (p *presence) members(now time.Time, f func(r *bus.Room, m *bus.Member, age time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, r := range p.all {
		for i := range r.Members {
			m := &r.Members[i]
			f(r, m, now.Sub(p.states[memberKey{name, m.SID}].since))
		}
	}
}

func (p *presence) inRoom(room, socketID string) bool { return p.room(room).Member(socketID) != nil }
