package engineio

import (
	"context"
	"time"
)

// Polls reports whether a poll of the session waits.
func Polls(e *Session) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.polling.get != nil
}

// NearPing has the session as it is shortly before its next ping.
func NearPing(e *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heartbeat.due = time.Now().Add(e.cfg.PingTimeout + e.cfg.PingInterval/10)
}

// Tick has the session's timer fire.
func Tick(e *Session) { e.onTimer() }

// Get polls.
func Get(e *Session, ctx context.Context) []Packet {
	ps, _ := e.get(ctx)
	return ps
}

// Posts reports whether a POST of the session is on its way.
func Posts(e *Session) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.polling.posting
}

// Probes reports whether a WebSocket tries to become the session's transport.
func Probes(e *Session) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.probe != nil
}
