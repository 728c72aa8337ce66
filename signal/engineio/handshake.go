package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
)

// idBytes is how many random bytes a session's id has.
const idBytes = 15

// opening is the data of an open packet (revision 4, "Handshake").
type opening struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int64    `json:"pingInterval"` // ms
	PingTimeout  int64    `json:"pingTimeout"`  // ms
	MaxPayload   int      `json:"maxPayload"`   // bytes
}

// handshake opens a session.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, q url.Values) {
	switch {
	case r.Method != http.MethodGet:
		respond(w, statusMethod.response())
		return
	case version(q) == 3 && !s.cfg.EIO3:
		respond(w, statusVersion.response())
		return
	}
	e := s.newSession(r, q)
	if err := s.sessions.add(e); err != nil {
		respond(w, err.response())
		return
	}
	if !isWebSocket(r) {
		if !e.open(r, nil) {
			respond(w, statusForbidden.response())
			return
		}
		e.answer(w, []Packet{openPacket(s.cfg, e.id, "websocket")})
		return
	}
	ws, err := s.acceptor.accept(w, r)
	if err != nil { // answered already
		e.refuse()
		return
	}
	if !e.open(r, ws, openPacket(s.cfg, e.id)) {
		ws.drop()
		return
	}
	e.read(ws)
}

func (s *Server) newSession(r *http.Request, q url.Values) *Session {
	v := version(q)
	return &Session{
		cfg: s.cfg, tasks: &s.tasks, flushers: &s.flush, id: newID(s.cfg.Token), ip: s.cfg.clientIP(r), version: v,
		codec: codec{v, v == 3 && q.Get("b64") != ""}, inflow: s.cfg.Flow.inflow(s.all), heartbeat: heartbeat{interval: s.cfg.PingInterval, timeout: s.cfg.PingTimeout, version: v},
	}
}

// openPacket is the packet that a session begins with.
func openPacket(c *Config, id string, upgrades ...string) Packet {
	b, err := json.Marshal(opening{
		SID: id, Upgrades: append([]string{}, upgrades...),
		PingInterval: c.PingInterval.Milliseconds(), PingTimeout: c.PingTimeout.Milliseconds(), MaxPayload: c.MaxPayload,
	})
	if err != nil { // strings and numbers: it cannot be
		panic(err)
	}
	return Packet{Type: Open, Data: b}
}

// newID makes an id that begins with the worker's token. It is a secret: with it
// anybody can speak for the client.
func newID(token string) string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails
	id := base64.RawURLEncoding.EncodeToString(b)
	if token == "" {
		return id
	}
	return token + tokenEnd + id
}
