package signal

import (
	"context"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
)

// member is a client in a room whose socket is at this worker, as the handler of
// what the client sends. What is sent to it goes through its recipient.
type member struct {
	membership
	call       string // that it is in; names it at the relay
	modern     bool
	host       string // by which it reached us
	socket     socket
	recipient  *replay.Recipient
	ctx        context.Context // the worker's
	batcher    *batcher
	roster     *roster
	departures *departures
}

// Event is socketio.Handler's.
func (m *member) Event(e socketio.Event, reply socketio.Reply) {
	switch e.Name {
	case "message":
		m.message(e, reply)
	case "ipaddr":
		sendAddresses(m.socket)
	case "hears":
		if m.modern && len(e.Args) > 0 {
			m.hears(text(e.Args[0]))
		}
	case "name":
		if m.modern && len(e.Args) > 0 {
			m.roster.rename(m.ctx, m.room, m.socketID, text(e.Args[0]))
		}
	}
}

// message passes on message(payload, to, id). id, if there is one, tells this message
// from all others of this client, which may send it again when it does not know
// whether it arrived.
func (m *member) message(e socketio.Event, reply socketio.Reply) {
	s := bus.Signal{Room: m.room, From: m.socketID, Kind: replay.KindMessage, Name: "message", Attachments: e.Attachments}
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
	if s.To == "" || s.To == m.socketID {
		if done != nil {
			done() // it is for nobody: no need to send it again
		}
		return
	}
	_ = m.batcher.add(m.ctx, done, s)
}

// hears passes on that this client gets the picture or sound of a member that is away:
// it is not gone, then. Whoever has to decide that reads the log.
func (m *member) hears(socketID string) {
	if socketID != "" && socketID != m.socketID {
		_ = m.batcher.add(m.ctx, nil, bus.Signal{Room: m.room, From: m.socketID, To: socketID, Kind: replay.KindHeard})
	}
}

// Close is socketio.Handler's: the socket is disconnected.
func (m *member) Close(reason socketio.Reason) {
	m.departures.closed(m.membership, m.recipient, m.socket, reason)
}

// nobody is the handler of a socket that is in no room.
type nobody struct{}

// Event implements socketio.Handler.
func (nobody) Event(socketio.Event, socketio.Reply) {}

// Close implements socketio.Handler.
func (nobody) Close(socketio.Reason) {}
