package signal

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// What signals are. The order in which a change of a room stands in the log:
// a welcome, then the joins that tell the others; byes to the others, then a mark.
const (
	kindWelcome     = 'w' // created or joined, to the newcomer
	kindWelcomeBack = 'W' // the same, to one that may come back
	kindJoin        = 'j' // to each of the others
	kindMessage     = 'm'
	kindName        = 'n'
	kindBye         = 'b' // to each who is left
	kindGone        = 'g' // to nobody: the end of what is told of From
)

// memory is the last of the log as this worker has read it: for each member
// what was for it, here or at any worker, so that who comes back gets what it
// missed. Signals go through it to the members whose sockets are here.
//
// mu may be taken while a handler runs (Socket.in is held); no handler is
// called under it. presence.mu comes after it.
type memory struct {
	maxBytes, maxMember int
	age                 time.Duration
	metrics             *metrics

	mu      sync.Mutex        // guards what follows
	parties map[string]*party // by socket id
	ring    []entry           // what refs of trails point into, oldest first
	bytes   int               // of ring
	args    []json.RawMessage // member.emit's, used again
}

// party is what is known of one socket id, as far as the log is read: one
// place to look it up, for every message asks for two.
type party struct {
	sender
	trail   *trail // nil: it is no member
	awaited bool   // it is joining here
}

// entry is one entry of the log.
type entry struct {
	seq     uint64
	read    time.Time
	bytes   int
	signals []bus.Signal
}

// trail is what was for one member.
type trail struct {
	room     string
	welcomed bool // its welcome was read
	keep     bool // it may come back; until it is welcomed that is not known
	awaited  bool // it is joining here, and gets all of it then
	refs     []ref
	bytes    int      // of refs
	lost     position // what is at it or before was dropped, as too old or too much
	silent   bool     // its welcome was dropped: who has not got that will not
	local    *member  // its socket is here; else nil
	made     time.Time
}

// ref is a signal and where it stands.
type ref struct {
	at position
	s  *bus.Signal
}

func (r ref) size() int {
	n := 64
	for _, a := range r.s.Args {
		n += len(a)
	}
	for _, a := range r.s.Attachments {
		n += len(a)
	}
	return n
}

// idsKept is how many ids of one sender are remembered: more than a client
// has unacknowledged when it sends again.
const idsKept = 256

// sender remembers what came from one socket, to know what comes again.
type sender struct {
	ids  []string // the last idsKept
	next int      // in ids, when there are as many
	gone bool     // it left, and did not join again
	over string   // its life (lifeOf) that ended
	last time.Time
}

// again says whether an id was there before, and remembers it. What comes
// again comes soon: the search begins at the newest.
func (s *sender) again(id string) bool {
	for i := range s.ids {
		if s.ids[(s.next-1-i+2*len(s.ids))%len(s.ids)] == id {
			return true
		}
	}
	if len(s.ids) < idsKept {
		s.ids = append(s.ids, id)
		return false
	}
	s.ids[s.next] = id
	s.next = (s.next + 1) % idsKept
	return false
}

func newMemory(cfg Config, m *metrics) *memory {
	return &memory{
		maxBytes: cfg.MemoryMiB << 20, maxMember: cfg.MemberKiB << 10, age: bus.CallsAge, metrics: m,
		parties: map[string]*party{},
	}
}

// party makes sure that there is one.
func (m *memory) party(sid string) *party {
	p := m.parties[sid]
	if p == nil {
		p = &party{}
		m.parties[sid] = p
	}
	return p
}

// known makes sure that a member has a trail.
func (m *memory) known(room, sid string) *trail {
	p := m.party(sid)
	if p.trail == nil {
		p.trail = &trail{room: room, awaited: p.awaited, made: time.Now()}
	}
	return p.trail
}

// await has what comes for somebody who is joining here be kept: the record may have
// it, and another worker tell of it, before this one knows that it does.
func (m *memory) await(sid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.party(sid)
	if p.awaited = true; p.trail != nil {
		p.trail.awaited = true
	}
}

// awaitNoMore ends that. It is called with the lock held.
func (m *memory) awaitNoMore(sid string) {
	p := m.party(sid)
	if p.awaited = false; p.trail != nil {
		p.trail.awaited = false
		p.trail.settle()
	}
}

// settle forgets what nobody will ask for any more.
func (t *trail) settle() {
	if t.welcomed && !t.keep && !t.awaited {
		t.refs, t.bytes = nil, 0
	}
}

// trail is a member's, nil if there is none.
func (m *memory) trail(sid string) *trail {
	if p := m.parties[sid]; p != nil {
		return p.trail
	}
	return nil
}

// welcomed says whether a member's welcome was read, and so all that tells of it.
func (m *memory) welcomed(sid string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.trail(sid)
	return t != nil && t.welcomed
}

// locals calls f with every trail of a member whose socket is here.
func (m *memory) locals(f func(*trail)) {
	for _, p := range m.parties {
		if p.trail != nil && p.trail.local != nil {
			f(p.trail)
		}
	}
}

// take takes the next entry of the log.
func (m *memory) take(seq uint64, signals []bus.Signal, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := entry{seq: seq, read: now, signals: signals}
	for i := range signals {
		s := &signals[i]
		t := m.admit(s, now)
		if t == nil {
			continue
		}
		r := ref{position{seq, i}, s}
		if t.keep || t.awaited || !t.welcomed {
			t.refs = append(t.refs, r)
			t.bytes += r.size()
			e.bytes += r.size()
			for t.bytes > m.maxMember && len(t.refs) > 1 {
				t.drop()
			}
		}
		if s.Kind == kindWelcome || s.Kind == kindWelcomeBack {
			t.welcomed, t.keep = true, s.Kind == kindWelcomeBack
			t.settle()
		}
		if t.local != nil {
			t.local.receive(r)
			m.metrics.delivered.Inc()
		}
	}
	if e.bytes > 0 {
		m.ring = append(m.ring, e)
		m.bytes += e.bytes
	}
	m.forget(now)
}

// admit keeps the books of who there is, and finds the trail of whom a signal
// is for; nil: it is for nobody.
func (m *memory) admit(s *bus.Signal, now time.Time) *trail {
	from := m.party(s.From)
	from.last = now
	// A worker without the bus wrote what is late, and others gave the member up:
	// a life, of which nothing else may have come.
	late := from.gone
	if life := lifeIn(s); life != "" {
		late = !later(life, from.over)
	}
	if s.ID != "" && from.again(s.ID) || late {
		return nil
	}
	from.gone = false // old clients that join again keep their id
	switch s.Kind {
	case kindGone:
		from.left(s, now)
		return nil
	case kindWelcome, kindWelcomeBack:
		return m.known(s.Room, s.To)
	case kindJoin, kindBye, kindName: // for whom workers know to be there, welcomed or not
		if to := m.parties[s.To]; to != nil && to.gone {
			return nil
		}
		return m.known(s.Room, s.To)
	}
	if s.Kind == kindMessage {
		if t := from.trail; t != nil && t.local != nil {
			t.local.sent(s, now)
		}
	}
	t := m.trail(s.To)
	if t == nil || t.room != s.Room {
		return nil // it left, or was never in this room
	}
	return t
}

// left notes that a party left. A socket that is here nevertheless is the next
// life's, or a stranger's (evictStrangers).
func (p *party) left(s *bus.Signal, now time.Time) {
	p.gone = true
	if life := lifeIn(s); life != "" {
		p.over = life
	}
	if was := p.trail; was != nil {
		if p.trail = nil; was.local != nil {
			was.local.held, was.local.others = nil, slices.Clone(was.local.met) // the rest is of the life that ended
			p.trail = &trail{room: was.room, local: was.local, made: now}
		}
	}
}

// drop forgets the oldest signal of a trail. Who had not got it has lost it: a
// client's offset is the last that it got. Only its welcome may stand in the
// log after that (member.flush).
func (t *trail) drop() {
	if r := t.refs[0]; r.s.Kind == kindWelcome || r.s.Kind == kindWelcomeBack {
		t.silent = true
	} else {
		t.lost = r.at
	}
	t.bytes -= t.refs[0].size()
	t.refs[0] = ref{}
	t.refs = t.refs[1:]
}

// forget drops what is too old or too much. What is too old nobody misses who
// comes back in time (Config.Validate): on a connection that holds it arrived
// long ago.
func (m *memory) forget(now time.Time) {
	for len(m.ring) > 0 {
		if m.bytes <= m.maxBytes && now.Sub(m.ring[0].read) <= m.age {
			return
		}
		e := m.ring[0]
		m.ring[0] = entry{}
		m.ring = m.ring[1:]
		m.bytes -= e.bytes
		for i := range e.signals {
			t := m.trail(e.signals[i].To)
			for t != nil && len(t.refs) > 0 && t.refs[0].at.seq <= e.seq {
				t.drop()
			}
		}
	}
}

// sweep forgets senders that are silent, and trails of those who are not in
// any room for whatever reason the log did not tell.
func (m *memory) sweep(now time.Time, inRoom func(room, sid string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now)
	for sid, p := range m.parties {
		if t := p.trail; t != nil && t.local == nil && now.Sub(t.made) > m.age && !inRoom(t.room, sid) {
			p.trail = nil
		}
		if now.Sub(p.last) > 2*m.age && !p.awaited {
			p.sender = sender{}
			if p.trail == nil {
				delete(m.parties, sid)
			}
		}
	}
}

// missed is what a trail has after a position, and whether that is all there was.
func (t *trail) missed(after position) ([]ref, bool) {
	if after.compare(t.lost) < 0 || t.silent && after == (position{}) {
		return nil, false
	}
	i := 0
	for i < len(t.refs) && t.refs[i].at.compare(after) <= 0 {
		i++
	}
	return append([]ref(nil), t.refs[i:]...), true
}

// release forgets that a member's socket is here, unless another took its place.
func (m *memory) release(l *member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.trail(l.sid); t != nil && t.local == l {
		t.local = nil
	}
}
