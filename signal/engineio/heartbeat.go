package engineio

import "time"

// heartbeat is a session's heartbeat (revision 4, "Heartbeat"; revision 3,
// "Timeouts"). In revision 4 the server pings and the client answers; in revision 3
// the client pings. A client that is silent for too long has disconnected. Session.mu
// guards it, and is held in all methods.
type heartbeat struct {
	interval time.Duration // Config.PingInterval
	timeout  time.Duration // Config.PingTimeout
	version  int           // of the protocol
	timer    *time.Timer   // to the next ping, or to the end of the wait for the client; nil before start
	due      time.Time     // when the ping should have been answered, or the client's have come
	pinged   bool          // a ping waits for its pong
	extended bool          // by what came instead of the pong
}

// start begins the first interval. onTimer is called without the lock.
func (h *heartbeat) start(onTimer func()) {
	h.timer = time.AfterFunc(time.Hour, onTimer)
	h.restart()
}

// stop ends the heartbeat.
func (h *heartbeat) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// restart begins the next interval: the client has pinged or answered.
func (h *heartbeat) restart() {
	h.pinged = false
	h.due = time.Now().Add(h.interval + h.timeout)
	if h.version == 3 {
		h.timer.Reset(h.interval + h.timeout)
	} else {
		h.timer.Reset(h.interval)
	}
}

// ping is the ping to be sent now; from here on its pong is waited for.
func (h *heartbeat) ping() Packet {
	h.pinged, h.extended = true, false
	h.extend()
	return Packet{Type: Ping}
}

// extend waits for the client for one PingTimeout more.
func (h *heartbeat) extend() {
	h.due = time.Now().Add(h.timeout)
	h.timer.Reset(h.timeout)
}

// onTimer is what the timer means: the client's time may be over (waits), and is
// (late) unless the timer fired just before it was set anew; else a ping is to be sent.
func (h *heartbeat) onTimer() (waits, late bool) {
	waits = h.version == 3 || h.pinged
	return waits, waits && !time.Now().Before(h.due)
}

// isDueSoon reports whether a ping may go with a message that is sent now, in one
// write: in the last fifth of the interval.
func (h *heartbeat) isDueSoon() bool {
	return h.timer != nil && h.version == 4 && !h.pinged && time.Until(h.due) < h.timeout+h.interval/5
}

// isOverdue reports whether a pong did not come in time. Timers may be late.
func (h *heartbeat) isOverdue() bool { return h.pinged && time.Now().After(h.due) }

// onMessage is any packet but the heartbeat's own. A pong may wait behind a long
// message on a slow line: once per ping, a message extends the time for it.
func (h *heartbeat) onMessage() {
	switch {
	case h.version == 3:
		h.restart()
	case h.pinged && !h.extended:
		h.extended = true
		h.extend()
	}
}
