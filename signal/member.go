package signal

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/socketio"
)

// member is a client in a room whose socket is at this worker. It is the
// socket's handler.
type member struct {
	w               *Worker
	room, sid, term string
	life            string // lifeOf it
	call            string // that it is in; names it at the relay
	modern          bool
	recoverable     bool

	// Guarded by memory.mu:
	socket   socket   // nil while it is being restored
	after    position // what it has already
	welcomed bool     // its welcome was sent: nothing goes before
	held     []ref    // for when it is welcomed and has a socket
	met      []other  // when it joined; this and others only if not recoverable
	others   []other  // who is there, as far as it is told
	dialect  dialect
	offers   offers
	record   uint64 // the room's revision in which it got its term
	renew    int64  // unix s at which its ICE credentials are to be renewed; 0: never
	made     time.Time
}

// other is somebody else in the room.
type other struct{ sid, life string }

// meet has it know who was there when it joined.
func (m *member) meet(there []bus.Member) {
	for i := range there {
		if o := &there[i]; o.SID != m.sid {
			m.met = append(m.met, other{o.SID, lifeOf(o)})
		}
	}
	m.others = slices.Clone(m.met)
}

// heeds says whether a signal is for this life of a client that keeps its id when it
// joins again, and not for one before: then it comes from somebody it knows, and
// tells of nothing that it knows.
func (m *member) heeds(s *bus.Signal) bool {
	if m.recoverable {
		return true // a new life has a new id
	}
	i := slices.IndexFunc(m.others, func(o other) bool { return o.sid == s.From })
	switch s.Kind {
	case kindJoin, kindBye:
		from := other{s.From, lifeIn(s)}
		if here := i >= 0 && m.others[i] == from; here == (s.Kind == kindJoin) {
			return false
		}
		if i >= 0 {
			m.others = slices.Delete(m.others, i, i+1)
		}
		if s.Kind == kindJoin {
			m.others = append(m.others, from)
		}
		return true
	case kindMessage:
		return i >= 0
	}
	return true
}

// wants says whether the client has not got a signal yet. Under memory.mu, as
// are hold, receive, emit and flush.
func (m *member) wants(r ref) bool {
	if r.s.Kind == kindWelcome || r.s.Kind == kindWelcomeBack {
		if m.welcomed || r.s.ID != "" && m.life != "" && lifeIn(r.s) != m.life {
			return false // it had it, though its place in the log may be after its offset (flush); or it is another life's
		}
	}
	return r.at.compare(m.after) > 0
}

// hold keeps what the client has not got yet.
func (m *member) hold(refs ...ref) {
	for _, r := range refs {
		if m.wants(r) && m.heeds(r.s) {
			m.held = append(m.held, r)
		}
	}
}

// receive takes a signal for the client.
func (m *member) receive(r ref) {
	m.hold(r)
	m.flush()
}

// flush sends what is held, the welcome first.
func (m *member) flush() {
	if m.socket == nil {
		return
	}
	if !m.welcomed {
		for i, r := range m.held {
			if r.s.Kind != kindWelcome && r.s.Kind != kindWelcomeBack {
				continue
			}
			// What others sent before goes after it, and a client that has
			// only the welcome has nothing of that.
			offset := m.held[0].at
			if i > 0 {
				offset = offset.before()
			}
			m.welcomed = true
			m.emit(r, offset)
			m.held = append(m.held[:i:i], m.held[i+1:]...)
			break
		}
		if !m.welcomed {
			return
		}
	}
	for _, r := range m.held {
		m.emit(r, r.at)
	}
	m.held = m.held[:0]
	if cap(m.held) > 16 {
		m.held = nil
	}
}

// emit sends a signal as this client understands it.
func (m *member) emit(r ref, offset position) {
	s := r.s
	e := socketio.Event{Name: s.Name, Args: m.w.memory.args[:0], Attachments: s.Attachments}
	for _, a := range s.Args {
		e.Args = append(e.Args, a)
	}
	switch s.Kind {
	case kindMessage:
		if !m.modern && !m.offers.in(s.From, s.Args[0]) {
			m.w.metrics.glare.Inc()
			return
		}
		e.Args[0] = m.dialect.translate(e.Args[0])
		e.Args = append(e.Args, quote(s.From))
	case kindBye:
		e.Args = append(e.Args, quote(s.From))
	case kindJoin:
		if !m.modern {
			e.Args = e.Args[:1]
		}
	case kindName:
		if !m.modern {
			return
		}
	}
	if m.recoverable {
		e.Offset = offset.String()
	}
	_ = m.socket.Emit(e) // one that is closed comes back for it, or does not
	clear(e.Args)
	m.w.memory.args = e.Args
}

// Event is socketio's: an event from the client.
func (m *member) Event(e socketio.Event, reply socketio.Reply) {
	switch e.Name {
	case "message":
		m.message(e, reply)
	case "ipaddr":
		m.tellAddresses()
	case "name":
		if m.modern && len(e.Args) > 0 {
			m.rename(text(e.Args[0]))
		}
	}
}

// message passes on message(payload, to, id): id, if any, tells this message
// from all others of this client, which may send it again when it does not
// know whether it came.
func (m *member) message(e socketio.Event, reply socketio.Reply) {
	s := bus.Signal{Room: m.room, From: m.sid, Kind: kindMessage, Name: "message", Attachments: e.Attachments}
	if len(e.Args) >= 2 {
		s.To = text(e.Args[1])
		s.Args = [][]byte{e.Args[0]}
	}
	if len(e.Args) >= 3 {
		if id := text(e.Args[2]); id != "" && len(id) <= 64 {
			s.ID = "c" + id
		}
	}
	var done func()
	if reply != nil {
		done = func() { _ = reply(nil, nil) }
	}
	if s.To == "" || s.To == m.sid {
		if done != nil {
			done() // for nobody: no need to send it again
		}
		return
	}
	_ = m.w.outbox.add(m.w.ctx, done, s)
}

// sent learns from what the client sent, in log order. Under memory.mu.
func (m *member) sent(s *bus.Signal, now time.Time) {
	if m.modern {
		return
	}
	if m.dialect != unknownDialect && !bytes.Contains(s.Args[0], []byte(`"offer"`)) {
		return // the common case
	}
	typ := typeOf(s.Args[0])
	if m.dialect == unknownDialect {
		m.dialect = m.dialect.learn(typ, s.Args[0])
	}
	m.offers.out(s.To, typ, now)
}

// Close is socketio's: the socket is disconnected.
func (m *member) Close(reason socketio.Reason) { m.w.closed(m, reason) }

// nobody is the handler of a socket that is in no room.
type nobody struct{}

func (nobody) Event(socketio.Event, socketio.Reply) {}
func (nobody) Close(socketio.Reason)                {}

// text is a JSON string's text, empty if it is none.
func text(j json.RawMessage) string {
	s, _ := socketio.Text(j)
	return s
}

// quote makes JSON of a string.
func quote(s string) json.RawMessage { return socketio.Quote(s) }
