package engineio

import "time"

// heart is a session's heartbeat (revision 4, "Heartbeat"; revision 3,
// "Timeouts"): the server pings and the client answers; in revision 3 the
// client pings, and a silent one is gone. Session.mu guards it.
type heart struct {
	timer    *time.Timer
	due      time.Time // when its ping should have been answered, or the client's have come
	asked    bool      // a ping waits for its pong
	extended bool      // for what came in its place
}

// startHeart begins to listen. Under mu.
func (e *Session) startHeart() {
	e.timer = time.AfterFunc(time.Hour, e.tick)
	e.wait()
}

// stopHeart ends it. Under mu.
func (e *Session) stopHeart() {
	if e.timer != nil {
		e.timer.Stop()
	}
}

// wait starts a beat anew: the next ping, or in revision 3 the client's. Under mu.
func (e *Session) wait() {
	c := e.srv.cfg
	e.asked = false
	e.due = time.Now().Add(c.PingInterval + c.PingTimeout)
	if e.version == 3 {
		e.timer.Reset(c.PingInterval + c.PingTimeout)
	} else {
		e.timer.Reset(c.PingInterval)
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
		late := !time.Now().Before(e.due) // else the timer fired just before it was set anew
		e.mu.Unlock()
		if late {
			e.end(PingTimeout, abruptly)
		}
		return
	}
	e.push(e.ping())
	e.mu.Unlock()
}

// ping is the ping to be sent now. Under mu.
func (e *Session) ping() Packet {
	e.asked, e.extended = true, false
	e.due = time.Now().Add(e.srv.cfg.PingTimeout)
	e.timer.Reset(e.srv.cfg.PingTimeout)
	return Packet{Type: Ping}
}

// pingsSoon says whether a ping may go with a message that is sent now: one
// write for both. In the last fifth of the time to it that is soon enough. Under mu.
func (e *Session) pingsSoon() bool {
	c := &e.srv.cfg
	return e.wire != nil && e.timer != nil && e.version == 4 && !e.asked && time.Until(e.due) < c.PingTimeout+c.PingInterval/5
}

// overdue says whether a poll comes too late to fetch its ping and answer it,
// though the timers may be late themselves. Under mu.
func (e *Session) overdue() bool {
	return e.asked && len(e.queue) > 0 && time.Now().After(e.due)
}

// beat is a pong, or in revision 3 a ping.
func (e *Session) beat() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.wait()
	}
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
		e.wait()
	case e.asked && !e.extended:
		e.extended = true
		e.due = time.Now().Add(e.srv.cfg.PingTimeout)
		e.timer.Reset(e.srv.cfg.PingTimeout)
	}
	return true
}
