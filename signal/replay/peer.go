package replay

import (
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// peerState is what is known of one socket id, as far as the log is read: one place
// to look it up, since every message needs two.
type peerState struct {
	sender
	backlog *backlog // nil: it is no member
	awaited bool     // it is joining at this worker
}

// sender remembers the ids of what came from one socket, to drop what comes twice.
type sender struct {
	ids   []string // the last idsKept
	next  int      // in ids, when they are that many
	left  bool     // it left, and has not joined again
	ended string   // JoinID of its last membership that ended
	line  uint64   // revision of the record that the last KindLine told of
	last  time.Time
}

// idsKept is how many ids of one sender are remembered: more than a client has
// unacknowledged when it sends them again.
const idsKept = 256

// seen reports whether an id was there before, and remembers it. Repetitions come
// soon after the first, so the search begins at the newest.
func (s *sender) seen(id string) bool {
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

// leave notes that the peer left. If its socket is at this worker nevertheless, that
// belongs to its next membership or is stale (Buffer.Stale).
func (p *peerState) leave(s *bus.Signal, now time.Time) {
	p.left = true
	if id := joinIDIn(s); id != "" {
		p.ended = id
	}
	if was := p.backlog; was != nil {
		if p.backlog = nil; was.local != nil {
			was.local.queued, was.local.peers = nil, slices.Clone(was.local.met) // the rest belongs to the membership that ended
			p.backlog = &backlog{room: was.room, local: was.local, created: now}
		}
	}
}
