package replay

import (
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Config bounds a Buffer.
type Config struct {
	MaxBytes       int           // of all signals that are kept
	MaxMemberBytes int           // of those for one member
	MaxAge         time.Duration // of a signal that is kept
}

// Stats are counts since the start, and what there is now.
type Stats struct {
	Bytes     int    // of signals that are kept
	Delivered uint64 // signals for recipients here
	Glares    uint64 // offers that were not delivered (dialect.Offers)
}

// Buffer is the end of the log as this worker has read it. It is safe for
// concurrent use.
type Buffer struct {
	cfg Config

	mu        sync.Mutex            // guards what follows
	peers     map[string]*peerState // by socket id
	entries   []entry               // that refs of backlogs point into, oldest first
	bytes     int                   // of entries
	scratch   scratch
	delivered uint64
}

// entry is one entry of the log.
type entry struct {
	seq     uint64
	read    time.Time
	bytes   int
	signals []bus.Signal
}

// New makes an empty buffer.
func New(cfg Config) *Buffer { return &Buffer{cfg: cfg, peers: map[string]*peerState{}} }

// Stats are for metrics.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{b.bytes, b.delivered, b.scratch.glares}
}

// peer makes sure that there is one.
func (b *Buffer) peer(socketID string) *peerState {
	p := b.peers[socketID]
	if p == nil {
		p = &peerState{}
		b.peers[socketID] = p
	}
	return p
}

// member makes sure that a member has a backlog.
func (b *Buffer) member(room, socketID string) *backlog {
	p := b.peer(socketID)
	if p.backlog == nil {
		p.backlog = &backlog{room: room, awaited: p.awaited, created: time.Now()}
	}
	return p.backlog
}

// backlog is a member's, nil if there is none.
func (b *Buffer) backlog(socketID string) *backlog {
	if p := b.peers[socketID]; p != nil {
		return p.backlog
	}
	return nil
}

// Remember notes a member that was there before this worker began to read the log.
// Without recoverable what is for it is not kept.
func (b *Buffer) Remember(room, socketID string, recoverable bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.member(room, socketID)
	l.keep, l.welcomed = recoverable, !recoverable
}

// Welcomed reports whether a member's welcome was read, and so all that tells the
// room of it.
func (b *Buffer) Welcomed(socketID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.backlog(socketID)
	return l != nil && l.welcomed
}

// IsHeard reports whether another member of its room was said to get a member's picture
// or sound not longer than for ago.
func (b *Buffer) IsHeard(socketID string, now time.Time, ago time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.backlog(socketID)
	return l != nil && now.Sub(l.heard) <= ago
}

// Add reads the next entry of the log: what is in it for recipients here is sent.
// signals are kept, and must not be changed afterwards.
func (b *Buffer) Add(seq uint64, signals []bus.Signal, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := entry{seq: seq, read: now, signals: signals}
	for i := range signals {
		s := &signals[i]
		l := b.addressee(s, now)
		if l == nil {
			continue
		}
		r := logRef{Position{seq, i}, s}
		e.bytes += l.add(r, b.cfg.MaxMemberBytes)
		if l.local != nil {
			l.local.receive(r, &b.scratch)
			b.delivered++
		}
	}
	if e.bytes > 0 {
		b.entries = append(b.entries, e)
		b.bytes += e.bytes
	}
	b.expire(now)
}

// addressee notes what a signal tells of the members, and finds the backlog of the
// one it is for; nil: it is for nobody.
func (b *Buffer) addressee(s *bus.Signal, now time.Time) *backlog {
	from := b.peer(s.From)
	from.last = now
	// Late is what a worker that was cut off from the bus wrote of a member that
	// others gave up meanwhile: its membership ended, perhaps before anything
	// else of it was read.
	late := from.left
	if id := joinIDIn(s); id != "" {
		late = !isLater(id, from.ended)
	}
	if s.ID != "" && from.seen(s.ID) || late {
		return nil
	}
	from.left = false // old clients that join again keep their id
	switch s.Kind {
	case KindGone:
		from.leave(s, now)
		return nil
	case KindWelcome, KindWelcomeRecoverable:
		return b.member(s.Room, s.To)
	case KindJoin, KindBye, KindName: // for those whom workers know to be there, welcomed or not
		if to := b.peers[s.To]; to != nil && to.left {
			return nil
		}
		return b.member(s.Room, s.To)
	case KindHeard:
		if l := b.backlog(s.To); l != nil && l.room == s.Room {
			l.heard = now
		}
		return nil
	case KindLine:
		if n := lineIn(s); n < from.line {
			return nil
		} else {
			from.line = n
		}
	}
	if s.Kind == KindMessage {
		if l := from.backlog; l != nil && l.local != nil {
			l.local.sent(s, now)
		}
	}
	l := b.backlog(s.To)
	if l == nil || l.room != s.Room {
		return nil // it left, or was never in this room
	}
	return l
}

// expire drops what is too old or too much. A client that reconnects in time misses
// nothing that is too old (signal's Config.Validate): on a connection that works it
// arrived long ago.
func (b *Buffer) expire(now time.Time) {
	for len(b.entries) > 0 {
		if b.bytes <= b.cfg.MaxBytes && now.Sub(b.entries[0].read) <= b.cfg.MaxAge {
			return
		}
		e := b.entries[0]
		b.entries[0] = entry{}
		b.entries = b.entries[1:]
		b.bytes -= e.bytes
		for i := range e.signals {
			l := b.backlog(e.signals[i].To)
			for l != nil && len(l.refs) > 0 && l.refs[0].at.seq <= e.seq {
				l.drop()
			}
		}
	}
}

// Sweep forgets senders that are silent, and backlogs of members that are in no
// room for whatever reason the log did not tell. inRoom is called under the lock.
func (b *Buffer) Sweep(now time.Time, inRoom func(room, socketID string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	for id, p := range b.peers {
		if l := p.backlog; l != nil && l.local == nil && now.Sub(l.created) > b.cfg.MaxAge && !inRoom(l.room, id) {
			p.backlog = nil
		}
		if now.Sub(p.last) > 2*b.cfg.MaxAge && !p.awaited {
			p.sender = sender{}
			if p.backlog == nil {
				delete(b.peers, id)
			}
		}
	}
}
