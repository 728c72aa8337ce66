package replay

import (
	"time"

	"github.com/helios-h2020/pse/bus"
)

// What follows are the sockets at this worker: when they come, and when they go.

// Await keeps what comes for a client that is joining at this worker: its record may
// be written, and another worker tell of it, before this worker knows. Join or
// StopAwaiting ends that.
func (b *Buffer) Await(socketID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peer(socketID)
	if p.awaited = true; p.backlog != nil {
		p.backlog.awaited = true
	}
}

// StopAwaiting is for a client that did not get into its room.
func (b *Buffer) StopAwaiting(socketID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopAwaiting(socketID)
}

func (b *Buffer) stopAwaiting(socketID string) {
	p := b.peer(socketID)
	if p.awaited = false; p.backlog != nil {
		p.backlog.awaited = false
		p.backlog.trim()
	}
}

// Join gives signals to a member that is new in its room from here on. there are
// those who are in the room, as its welcome tells.
func (b *Buffer) Join(r *Recipient, s Socket, there []bus.Member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.socket = s
	l := b.member(r.room, r.socketID)
	l.local = r
	if !r.recoverable {
		r.meet(there)
	}
	r.queue(l.refs...) // what another worker told may be here already
	b.stopAwaiting(r.socketID)
	r.flush(&b.scratch)
}

// Restore puts a member that reconnected in the place of the connection that it had,
// which is closed, and queues what it missed for Resume. offset is the last that it
// has; nil: it has nothing, its welcome neither. A newer connection than r, which was
// overtaken on the way here, keeps its place; r gets no socket then.
// false: it missed more than is kept.
func (b *Buffer) Restore(r *Recipient, offset *Position) bool {
	b.mu.Lock()
	if offset != nil {
		r.after, r.welcomed = *offset, true
	}
	l := b.member(r.room, r.socketID) // without one all that was for it is still to be read
	before := l.local
	if before != nil && before.revision > r.revision {
		b.mu.Unlock()
		return true
	}
	l.keep = true
	missed, ok := l.missed(r.after)
	if !ok {
		b.mu.Unlock()
		return false
	}
	var open Socket
	if before != nil {
		open = before.socket
	}
	l.local = r
	r.queue(missed...)
	b.mu.Unlock()
	if open != nil {
		open.Close()
	}
	return true
}

// Resume gives a restored member its socket, and sends what it missed. false:
// another connection of the same client has taken its place.
func (b *Buffer) Resume(r *Recipient, s Socket) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.backlog(r.socketID); l == nil || l.local != r {
		return false
	}
	r.socket = s
	r.flush(&b.scratch)
	return true
}

// Release forgets that a member's socket is here, unless another took its place.
func (b *Buffer) Release(r *Recipient) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.backlog(r.socketID); l != nil && l.local == r {
		l.local = nil
	}
}

// IsHere reports whether the connection that a record names is at this worker.
func (b *Buffer) IsHere(socketID, incarnation string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.backlog(socketID)
	return l != nil && l.local != nil && l.local.incarnation == incarnation
}

// Stale are the sockets here whose member is no longer theirs: it reconnected
// elsewhere, or was given up while this worker could not reach the bus. Recipients
// younger than settling are left alone, and restored ones that got no socket
// within unclaimed are forgotten. record is a room's record as last seen, nil if
// there is none; it is called under the lock.
func (b *Buffer) Stale(now time.Time, settling, unclaimed time.Duration, record func(room string) *bus.Room) (stale []Socket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.peers {
		if p.backlog == nil || p.backlog.local == nil {
			continue
		}
		r := p.backlog.local
		if r.socket == nil {
			if now.Sub(r.created) > unclaimed {
				p.backlog.local = nil
			}
			continue
		}
		room := record(r.room)
		if room != nil && room.Revision < r.revision || now.Sub(r.created) < settling {
			continue // its record is not seen yet
		}
		if m := room.Member(r.socketID); m == nil || m.Term != r.incarnation && m.Left == nil {
			stale = append(stale, r.socket)
		}
	}
	return stale
}
