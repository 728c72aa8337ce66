package signal

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	tick      = time.Second      // how often rooms are looked through
	finishing = 3 * time.Second  // how long who marked a member as having left may take to tell
	settling  = 10 * time.Second // how long a member may be ours by its record alone: it is just coming, or just going
	helpers   = 16               // members that are seen to at once
)

// presence is what this worker sees of all rooms, and since when. Times are of
// its own clock only. Whatever a worker left undone when it died another does:
// all see the same records, and compare-and-set makes it happen once.
type presence struct {
	mu     sync.Mutex // guards what follows
	all    map[string]*bus.Room
	states map[memberKey]state
	synced chan struct{} // closed when all rooms were seen once
	once   sync.Once
}

type memberKey struct{ room, sid string }

// state is what matters of a member's record, and since when it has been so.
type state struct {
	worker, term string
	left         bool
	since        time.Time
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
		s := state{m.Worker, m.Term, m.Left != nil, now}
		k := memberKey{r.Name, m.SID}
		if old, ok := p.states[k]; ok && old.worker == s.worker && old.term == s.term && old.left == s.left {
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

// each calls f with every room.
func (p *presence) each(f func(*bus.Room)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.all {
		f(r)
	}
}

func (p *presence) inRoom(room, sid string) bool { return p.room(room).Member(sid) != nil }

// finding is a member that somebody has to see to.
type finding struct {
	room string
	m    bus.Member
	do   func(ctx context.Context, room string, m bus.Member)
}

// look finds the members that need something, and those of other workers.
func (w *Worker) look(now time.Time) (found []finding, elsewhere map[string][]finding) {
	p := w.presence
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	elsewhere = map[string][]finding{}
	for name, r := range p.all {
		for i := range r.Members {
			m := &r.Members[i]
			age := func() time.Duration { return now.Sub(p.states[memberKey{name, m.SID}].since) }
			switch {
			case m.Left != nil:
				if age() > finishing {
					found = append(found, finding{name, *m, w.finishLeaving})
				}
			case m.Worker == "":
				if age() > w.cfg.Recovery {
					found = append(found, finding{name, *m, w.giveUp})
				}
			case m.Worker != w.shared.ID():
				elsewhere[m.Worker] = append(elsewhere[m.Worker], finding{name, *m, w.orphan})
			default:
				t := w.memory.trail(m.SID)
				here := t != nil && t.local != nil && t.local.term == m.Term
				if !here && age() > w.cfg.Grace+settling { // it is ours by its record alone
					found = append(found, finding{name, *m, w.giveUp})
				}
			}
		}
	}
	return found, elsewhere
}

// anyOrder is another at each worker, so that they meet seldom.
func anyOrder(found []finding) {
	rand.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
}

// keepHouse looks after all rooms once.
func (w *Worker) keepHouse(ctx context.Context, now time.Time) {
	found, elsewhere := w.look(now)
	for worker, theirs := range elsewhere {
		if !w.shared.Alive(ctx, worker) {
			found = append(found, theirs...)
		}
	}
	w.order(found)
	var wg sync.WaitGroup
	turn := make(chan struct{}, helpers)
	for _, f := range found {
		m := w.presence.room(f.room).Member(f.m.SID)
		if m == nil || m.Worker != f.m.Worker || m.Term != f.m.Term || (m.Left == nil) != (f.m.Left == nil) {
			continue // another worker saw to it
		}
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			f.do(ctx, f.room, f.m)
		})
	}
	wg.Wait()
	w.evictStrangers(now)
	w.memory.sweep(now, w.presence.inRoom)
	w.joins.Sweep(now)
	w.guesses.sweep(now)
	w.renewICE(ctx, now)
}

func (w *Worker) finishLeaving(ctx context.Context, room string, m bus.Member) {
	w.leave(ctx, room, m.SID, "", m.Left.Reason)
}

func (w *Worker) giveUp(ctx context.Context, room string, m bus.Member) {
	w.leave(ctx, room, m.SID, m.Term, "connection lost")
}

// orphan sees to a member whose worker died, perhaps before it told of it.
func (w *Worker) orphan(ctx context.Context, room string, m bus.Member) {
	if r := w.presence.room(room); r.Member(m.SID) != nil {
		if w.introduce(ctx, r, m) != nil {
			return // another look finds it again
		}
	}
	w.away(ctx, room, m.SID, m.Term)
}

// introduce tells of a member what its worker, which died, may not have told: of
// who is not introduced others would hear only that it left.
func (w *Worker) introduce(ctx context.Context, r *bus.Room, m bus.Member) error {
	if err := w.facts.again(ctx, r, m); err != nil {
		return err
	}
	if all := w.untold(ctx, r, &m); len(all) > 0 {
		return w.outbox.stored(ctx, all...)
	}
	return nil
}

// evictDead sees to the members of one room whose workers died.
func (w *Worker) evictDead(ctx context.Context, room string) {
	if time.Since(w.started) < trustTime {
		sleep.For(ctx, trustTime) // a worker that just came cannot tell who is dead
	}
	r, err := w.shared.GetRoom(ctx, room)
	if err != nil {
		return
	}
	dead := map[string]bool{w.shared.ID(): false, "": false}
	for _, m := range r.Present() {
		gone, known := dead[m.Worker]
		if !known {
			gone = !w.shared.Alive(ctx, m.Worker)
			dead[m.Worker] = gone
		}
		if gone && w.introduce(ctx, r, m) == nil {
			w.away(ctx, room, m.SID, m.Term)
		}
	}
}

// trustTime is how long a connection to the bus must have held before others
// can be taken for dead (bus.Alive).
const trustTime = 1100 * time.Millisecond

// evictStrangers ends sockets here whose member is no longer theirs: it came
// back elsewhere, or was given up while this worker could not reach the bus.
func (w *Worker) evictStrangers(now time.Time) {
	var out []*member
	w.memory.mu.Lock()
	w.memory.locals(func(t *trail) {
		m := t.local
		if m.socket == nil {
			if now.Sub(m.made) > 2*acceptTime {
				t.local = nil // it never came
			}
			return
		}
		r := w.presence.room(m.room)
		if r != nil && r.Revision < m.record || now.Sub(m.made) < settling {
			return // not seen yet
		}
		if me := r.Member(m.sid); me == nil || me.Term != m.term && me.Left == nil {
			out = append(out, m)
		}
	})
	w.memory.mu.Unlock()
	for _, m := range out {
		m.socket.Close()
	}
}
