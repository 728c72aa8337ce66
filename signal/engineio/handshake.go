package engineio

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

const (
	tokenEnd = "." // between the worker's token and the rest of an id
	idBytes  = 15  // random ones in an id
)

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
		respond(w, probMethod.response())
		return
	case version(q) == 3 && !s.cfg.EIO3:
		respond(w, probVersion.response())
		return
	}
	e := &Session{
		srv: s, id: s.newID(), ip: s.cfg.clientIP(r), version: version(q),
		codec: codec{version(q), version(q) == 3 && q.Get("b64") != ""}, inflow: s.cfg.Flow.inflow(),
	}
	if p := s.add(e); p != nil {
		respond(w, p.response())
		return
	}
	if !isWebSocket(r) {
		if !e.open(r, nil) {
			respond(w, probForbidden.response())
			return
		}
		e.answer(w, []Packet{e.opening("websocket")})
		return
	}
	ws, err := s.accept(w, r)
	if err != nil { // answered already
		e.refuse()
		return
	}
	if !e.open(r, ws) {
		ws.drop()
		return
	}
	s.read(e, ws)
}

// open asks for the handler and starts the heart. With ws the session is a
// WebSocket from the beginning, and the open packet goes first.
func (e *Session) open(r *http.Request, ws wire) bool {
	if ws != nil {
		e.mu.Lock()
		e.wire = ws
		e.push(e.opening())
		e.mu.Unlock()
	}
	h := e.srv.cfg.Open(e, r)
	if h == nil {
		e.refuse()
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.handler = h
	if !e.closed {
		e.startHeart()
	} else {
		go e.tell()
	}
	return true
}

// refuse takes back a session that never was.
func (e *Session) refuse() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.srv.remove(e)
	e.srv.wg.Done()
}

func (e *Session) opening(upgrades ...string) Packet {
	c := e.srv.cfg
	b, err := json.Marshal(opening{
		SID: e.id, Upgrades: append([]string{}, upgrades...),
		PingInterval: c.PingInterval.Milliseconds(), PingTimeout: c.PingTimeout.Milliseconds(), MaxPayload: c.MaxPayload,
	})
	if err != nil { // strings and numbers: it cannot be
		panic(err)
	}
	return Packet{Type: Open, Data: b}
}

// newID makes an id that begins with the worker's token. It is a secret: who
// has it can speak for the client.
func (s *Server) newID() string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails
	id := base64.RawURLEncoding.EncodeToString(b)
	if s.cfg.Token == "" {
		return id
	}
	return s.cfg.Token + tokenEnd + id
}

// add gives a new session its place, if there is one. The place is in wg too,
// until the handler was told of the end.
func (s *Server) add(e *Session) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return probCrowd
	}
	ip, _ := netip.ParseAddr(e.ip) // all that are none count as one
	leave, err := s.crowd.Enter(ip)
	switch {
	case errors.Is(err, limit.ErrShare):
		return probCrowdIP
	case err != nil:
		return probCrowd
	}
	e.leave = leave
	s.sessions[e.id] = e
	s.wg.Add(1)
	return nil
}

func (s *Server) remove(e *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[e.id] != e {
		return
	}
	delete(s.sessions, e.id)
	e.leave()
}

// removeLater keeps an ended session until its client polled once more, or
// would have noticed by itself.
func (s *Server) removeLater(e *Session) {
	time.AfterFunc(s.cfg.PingTimeout, func() { s.remove(e) })
}
