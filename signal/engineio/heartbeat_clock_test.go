package engineio

import (
	"testing"
	"testing/synctest"
	"time"
)

// fired is when a heartbeat's timer fires, and what that means.
func fired(h *heartbeat, at chan time.Time, since time.Time) (after time.Duration, waits, late bool) {
	after = (<-at).Sub(since)
	waits, late = h.onTimer()
	return after, waits, late
}

// The server pings after the interval; a client that does not answer within the
// timeout is late. A message extends the wait once per ping, a pong begins anew.
func TestHeartbeatOfRevision4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heartbeat{interval: 25 * time.Second, timeout: 20 * time.Second, version: 4}
		at, begin := make(chan time.Time, 1), time.Now()
		h.start(func() { at <- time.Now() })
		defer h.stop()
		if h.isDueSoon() || h.isOverdue() {
			t.Error("a ping is due at once")
		}
		time.Sleep(21 * time.Second)
		if !h.isDueSoon() {
			t.Error("no ping is due in the last fifth of the interval")
		}
		if after, waits, _ := fired(h, at, begin); after != 25*time.Second || waits {
			t.Errorf("after %s, waiting %v: not time to ping", after, waits)
		}
		h.ping()
		begin = time.Now()
		time.Sleep(15 * time.Second)
		h.onMessage()
		time.Sleep(15 * time.Second)
		h.onMessage() // too many
		if h.isOverdue() || h.isDueSoon() {
			t.Error("overdue in the time that the message gave it, or pinged again")
		}
		if after, waits, late := fired(h, at, begin); after != 35*time.Second || !waits || !late {
			t.Errorf("after %s, waiting %v, late %v", after, waits, late)
		}
		if time.Sleep(time.Millisecond); !h.isOverdue() {
			t.Error("not overdue")
		}
		h.restart()
		if waits, late := h.onTimer(); waits || late || h.isOverdue() {
			t.Error("late after its pong: the timer had fired before")
		}
	})
}

// In revision 3 the client pings, and any packet counts.
func TestHeartbeatOfRevision3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heartbeat{interval: 25 * time.Second, timeout: 20 * time.Second, version: 3}
		at, begin := make(chan time.Time, 1), time.Now()
		h.start(func() { at <- time.Now() })
		defer h.stop()
		time.Sleep(40 * time.Second)
		h.onMessage()
		if waits, late := h.onTimer(); !waits || late {
			t.Errorf("waiting %v, late %v", waits, late)
		}
		if after, waits, late := fired(h, at, begin); after != 85*time.Second || !waits || !late || h.isDueSoon() {
			t.Errorf("after %s, waiting %v, late %v", after, waits, late)
		}
	})
}
