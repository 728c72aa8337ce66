package engineio

import (
	"net/http"
	"net/url"
	"time"
)

// nudge is how long a poll may hold up an upgrade. It is not zero: a client
// that does not wait for its poll to end (it should) has its upgrade packet
// on the way.
const nudge = 100 * time.Millisecond

// serveWebSocket takes a WebSocket for a session that polls.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request, sid string, q url.Values) {
	if owner, ok := s.elsewhere(sid); ok {
		s.relay(w, r, owner)
		return
	}
	e, prob := s.find(sid, s.cfg.clientIP(r), q)
	if prob != nil {
		respond(w, prob.response())
		return
	}
	ws, err := s.accept(w, r)
	if err != nil { // answered already
		return
	}
	s.upgradeTo(e, ws)
}

// upgradeTo lets ws become the session's transport (revision 4, "Upgrade").
func (s *Server) upgradeTo(e *Session, ws wire) {
	if !s.enter() {
		ws.drop()
		return
	}
	go func() {
		defer s.wg.Done()
		if !e.probing(ws) {
			ws.drop()
			return
		}
		s.read(e, ws)
	}()
}

// probing goes through the probe. The session polls on until the upgrade
// packet, and when none comes it just goes on polling.
func (e *Session) probing(ws wire) bool {
	e.mu.Lock()
	if e.closed || e.wire != nil || e.probe != nil {
		e.mu.Unlock()
		return false
	}
	e.probe = ws
	e.mu.Unlock()
	late := time.AfterFunc(e.srv.cfg.UpgradeTimeout, ws.drop)
	defer late.Stop()

	ok := expect(ws, "2probe") && ws.write(e.codec, []Packet{{Type: Pong, Data: []byte("probe")}}) == nil
	if ok {
		stop := e.endPolls()
		ok = expect(ws, "5")
		stop()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.probe, e.probed = nil, false
	if !ok || e.closed {
		return false
	}
	e.wire = ws
	e.poll.hurry()
	e.hurry()
	return true
}

func expect(ws wire, text string) bool {
	binary, b, err := ws.read()
	return err == nil && !binary && string(b) == text
}

// endPolls answers polls with a noop until stop is called: the client sends
// its upgrade packet when it has none left.
func (e *Session) endPolls() (stop func()) {
	e.mu.Lock()
	e.probed = true
	e.mu.Unlock()
	var t *time.Timer
	t = time.AfterFunc(time.Hour, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.probed || e.closed {
			return
		}
		if e.poll != nil {
			e.poll.noop = true
			e.poll.hurry()
		}
		t.Reset(nudge)
	})
	t.Reset(nudge)
	return func() { t.Stop() }
}
