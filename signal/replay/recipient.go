package replay

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/dialect"
	"github.com/helios-h2020/pse/signal/socketio"
)

// Socket is a client's socket, as far as signals are written to it.
type Socket interface {
	// Emit queues an event; e's arguments may be used again afterwards.
	Emit(e socketio.Event) error
	// Close ends the client's connection. It reconnects.
	Close()
}

// Recipient is a member whose socket is at this worker, as the receiver of signals:
// which of them it has not got yet, and how they look to its kind of client.
type Recipient struct {
	room, socketID string
	incarnation    string // bus.Member.Term
	joinID         string
	revision       uint64 // of the room's record that has incarnation
	modern         bool
	recoverable    bool
	created        time.Time

	// Guarded by Buffer.mu:
	socket   Socket // nil while it is being restored
	after    Position
	welcomed bool     // its welcome was sent: nothing goes before
	queued   []logRef // until it is welcomed and has a socket
	met      []peer   // when it joined; this and peers only if not recoverable
	peers    []peer   // in the room, as far as the client was told
	dialect  dialect.Dialect
	offers   dialect.Offers
}

// peer is another member of the room.
type peer struct{ socketID, joinID string }

// scratch is what the recipients of one Buffer share. Guarded by Buffer.mu.
type scratch struct {
	args   []json.RawMessage // of an event, used again for the next
	glares uint64
}

// NewRecipient makes a recipient of a member as its room's record has it.
func NewRecipient(room *bus.Room, m *bus.Member, d dialect.Dialect) *Recipient {
	return &Recipient{
		room: room.Name, socketID: m.SID, incarnation: m.Term, joinID: JoinID(m), revision: room.Revision,
		modern: m.Modern, recoverable: m.PID != "", dialect: d, created: time.Now(),
	}
}

// meet notes the members that the client is told of with its welcome.
func (r *Recipient) meet(there []bus.Member) {
	for i := range there {
		if o := &there[i]; o.SID != r.socketID {
			r.met = append(r.met, peer{o.SID, JoinID(o)})
		}
	}
	r.peers = slices.Clone(r.met)
}

// isForThisJoin reports whether a signal is for this membership of a client that
// keeps its id when it joins again, not for an earlier one: it is if it comes from a
// member that the client knows, and tells it nothing that it was told.
func (r *Recipient) isForThisJoin(s *bus.Signal) bool {
	if r.recoverable {
		return true // it has a new id when it joins again
	}
	i := slices.IndexFunc(r.peers, func(o peer) bool { return o.socketID == s.From })
	switch s.Kind {
	case KindJoin, KindBye:
		from := peer{s.From, joinIDIn(s)}
		if here := i >= 0 && r.peers[i] == from; here == (s.Kind == KindJoin) {
			return false
		}
		if i >= 0 {
			r.peers = slices.Delete(r.peers, i, i+1)
		}
		if s.Kind == KindJoin {
			r.peers = append(r.peers, from)
		}
		return true
	case KindMessage:
		return i >= 0
	}
	return true
}

// lacks reports whether the client has not got a signal yet.
func (r *Recipient) lacks(l logRef) bool {
	if isWelcome(l.s) {
		if r.welcomed || l.s.ID != "" && r.joinID != "" && joinIDIn(l.s) != r.joinID {
			return false // it has it, though its position may be after its offset (flush); or it is another membership's
		}
	}
	return l.at.compare(r.after) > 0
}

// queue keeps the signals that the client has not got yet.
func (r *Recipient) queue(refs ...logRef) {
	for _, l := range refs {
		if r.lacks(l) && r.isForThisJoin(l.s) {
			r.queued = append(r.queued, l)
		}
	}
}

// receive takes the next signal for the client.
func (r *Recipient) receive(l logRef, t *scratch) {
	r.queue(l)
	r.flush(t)
}

// flush sends what is queued, the welcome first.
func (r *Recipient) flush(t *scratch) {
	if r.socket == nil || !r.welcomed && !r.welcome(t) {
		return
	}
	for _, l := range r.queued {
		r.emit(l, l.at, t)
	}
	r.queued = r.queued[:0]
	if cap(r.queued) > 16 {
		r.queued = nil
	}
}

// welcome sends the welcome, if it is queued.
func (r *Recipient) welcome(t *scratch) bool {
	for i, l := range r.queued {
		if !isWelcome(l.s) {
			continue
		}
		// What others sent before is sent after it, and a client that has only
		// the welcome has none of that.
		offset := r.queued[0].at
		if i > 0 {
			offset = offset.before()
		}
		r.welcomed = true
		r.emit(l, offset, t)
		r.queued = append(r.queued[:i:i], r.queued[i+1:]...)
		return true
	}
	return false
}

// emit sends a signal as this kind of client understands it.
func (r *Recipient) emit(l logRef, offset Position, t *scratch) {
	s := l.s
	e := socketio.Event{Name: s.Name, Args: t.args[:0], Attachments: s.Attachments}
	for _, a := range s.Args {
		e.Args = append(e.Args, a)
	}
	switch s.Kind {
	case KindMessage:
		if !r.modern && !r.offers.Admits(s.From, s.Args[0]) {
			t.glares++
			return
		}
		e.Args[0] = r.dialect.Translate(e.Args[0])
		e.Args = append(e.Args, socketio.Quote(s.From))
	case KindBye:
		e.Args = append(e.Args, socketio.Quote(s.From))
	case KindJoin:
		if !r.modern {
			e.Args = e.Args[:1]
		}
	case KindName, KindLine:
		if !r.modern {
			return
		}
	}
	if r.recoverable {
		e.Offset = offset.String()
	}
	_ = r.socket.Emit(e) // a client whose socket is closed reconnects for it, or does not
	clear(e.Args)
	t.args = e.Args
}

// sent learns from what the client sent, in the log's order.
func (r *Recipient) sent(s *bus.Signal, now time.Time) {
	if r.modern {
		return
	}
	if r.dialect != dialect.Unknown && !bytes.Contains(s.Args[0], []byte(`"offer"`)) {
		return // the usual case
	}
	typ := dialect.TypeOf(s.Args[0])
	if r.dialect == dialect.Unknown {
		r.dialect = r.dialect.Learn(typ, s.Args[0])
	}
	r.offers.Sent(s.To, typ, now)
}
