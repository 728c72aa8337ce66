package engineio

import "time"

// heart is a session's heartbeat (revision 4, "Heartbeat"; revision 3,
// "Timeouts"): the server pings and the client answers; in revision 3 the
// client pings, and a silent one is gone. Session.mu guards it.
type heart struct {
	timer    *time.Timer
	asked    bool // a ping waits for its pong
	extended bool // for what came in its place
}

// startHeart begins to listen. Under mu.
func (e *Session) startHeart() {
	d := e.srv.cfg.PingInterval
	if e.version == 3 {
		d += e.srv.cfg.PingTimeout
	}
	e.timer = time.AfterFunc(d, e.tick)
}

// stopHeart ends it. Under mu.
func (e *Session) stopHeart() {
	if e.timer != nil {
		e.timer.Stop()
	}
}

// tick is the timer's: time to ping, or too late.
func (e *Session) tick() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	if e.version == 3 || e.asked {
		e.mu.Unlock()
		e.end(PingTimeout, abruptly)
		return
	}
	e.asked, e.extended = true, false
	e.timer.Reset(e.srv.cfg.PingTimeout)
	e.push(Packet{Type: Ping})
	e.mu.Unlock()
}

// beat is a pong, or in revision 3 a ping.
func (e *Session) beat() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.timer == nil {
		return
	}
	e.asked = false
	d := e.srv.cfg.PingInterval
	if e.version == 3 {
		d += e.srv.cfg.PingTimeout
	}
	e.timer.Reset(d)
}

// heard is any other packet, and false when the session is over. A pong may
// wait behind a long message on a slow line: once per ping, what comes in its
// place counts for it.
func (e *Session) heard() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	switch {
	case e.version == 3:
		e.timer.Reset(e.srv.cfg.PingInterval + e.srv.cfg.PingTimeout)
	case e.asked && !e.extended:
		e.extended = true
		e.timer.Reset(e.srv.cfg.PingTimeout)
	}
	return true
}
