package engineio

import "time"

// nudge is how long a poll may hold up an upgrade. It is not zero: a client
// that does not wait for its poll to end (it should) has its upgrade packet
// on the way.
const nudge = 100 * time.Millisecond

// upgrade lets t become the session's transport (revision 4, "Upgrade"). It returns
// at once.
func (e *Session) upgrade(t transport) {
	if !e.tasks.begin() {
		t.drop()
		return
	}
	go func() {
		defer e.tasks.end()
		if !e.probing(t) {
			t.drop()
			return
		}
		e.read(t)
	}()
}

// probing goes through the probe. The session polls on until the upgrade
// packet, and when none comes it just goes on polling.
func (e *Session) probing(t transport) bool {
	e.mu.Lock()
	if e.closed || e.transport != nil || e.probe != nil {
		e.mu.Unlock()
		return false
	}
	e.probe = t
	e.mu.Unlock()
	late := time.AfterFunc(e.cfg.UpgradeTimeout, t.drop)
	defer late.Stop()

	ok := expect(t, "2probe") && t.write(e.codec, []Packet{{Type: Pong, Data: []byte("probe")}}) == nil
	if ok {
		stop := e.endPolls()
		ok = expect(t, "5")
		stop()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.probe, e.probed = nil, false
	if !ok || e.closed {
		return false
	}
	e.transport = t
	e.polling.get.wakeUp()
	e.scheduleFlush()
	return true
}

// expect reads one text message, and reports whether it is this one.
func expect(t transport, text string) bool {
	binary, b, err := t.read()
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
		if e.polling.get != nil {
			e.polling.get.noop = true
			e.polling.get.wakeUp()
		}
		t.Reset(nudge)
	})
	t.Reset(nudge)
	return func() { t.Stop() }
}
