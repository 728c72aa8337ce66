package signal

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// An old app's phone that is gone is gone from the others within 15 s, by the defaults.
func TestDefaultsNoticeInTime(t *testing.T) {
	c := DefaultConfig()
	if sum := c.PingInterval + c.PingTimeout + c.OldGrace + tick; sum > 15*time.Second {
		t.Errorf("%s", sum)
	}
}

// Phones that lost their network say nothing. How long it takes is logged.
func TestSilentPhones(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	a := w.join(0, "r", "")
	a.next("created")
	for _, auth := range []string{"", modernAuth} {
		b := w.join(1, "r", auth)
		a.next("join")
		start := time.Now()
		b.Silence()
		a.expect(`["message","bye","` + b.sid() + `"]`)
		t.Logf("with auth %q: the others know after %s", auth, time.Since(start).Round(10*time.Millisecond))
	}
}

// A worker dies. Its old client is gone from the others; its modern one keeps
// its place and comes back to it, or leaves when it does not.
func TestDeadWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(c *Config) { c.Recovery = 3 * time.Second })
	a := w.join(0, "r", "")
	a.next("created")
	old := w.join(1, "r", "")
	a.next("join")
	var at atomic.Int64
	at.Store(1)
	back := w.join(1, "r", modernAuth, stays, func(o *signaltest.Options) { o.URL = func() string { return w.workers[at.Load()].url } })
	a.next("join")
	gone := w.join(1, "r", modernAuth)
	a.next("join")
	back.next("joined")
	back.next("join")
	at.Store(0)
	w.workers[1].die()
	back.next("connect")
	// Whichever is noticed first: the old one is by its worker's death, the
	// other when it does not come back.
	a.expect(`["message","bye","`+old.sid()+`"]`, `["message","bye","`+gone.sid()+`"]`)
	a.say("1", back.sid())
	for back.next("message", "bye").Args[0][0] != '1' { // byes come before
	}
	if s := back.State(); s.Recovered != 1 {
		t.Errorf("%+v", s)
	}
}

// A room full of those whose worker just died has places.
func TestFullOfGhosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(c *Config) { c.MaxMembers = 2 })
	for range 2 {
		w.join(1, "r", "").next("created", "joined")
	}
	w.workers[1].die()
	for range 2 {
		w.join(0, "r", "").next("created", "joined")
	}
}

// A worker that died between marking a member as having left and telling it:
// another tells, once.
func TestUnfinishedLeaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	a := w.join(0, "r", "")
	a.next("created")
	b := w.join(0, "r", "")
	a.next("join")
	_, err := w.workers[0].bus.UpdateRoom(t.Context(), "r", func(r *bus.Room) error {
		r.Member(b.sid()).Left = &bus.Leaving{Tell: []string{a.sid()}, Reason: "left", At: 1, Call: r.Call, Started: r.Started}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.expect(`["message","bye","` + b.sid() + `"]`)
	left := bustest.Expect[bus.CallLeft](t, w.workers[0].bus)
	if l := left(); l.Member != b.sid() {
		t.Errorf("%+v", l)
	}
	bustest.Eventually(t, "the record forgets it", func() bool {
		r, err := w.workers[0].bus.GetRoom(t.Context(), "r")
		return err == nil && len(r.Members) == 1
	})
	a.say("1", a.sid())
}

// The bus restarts: clients see nothing of it.
func TestRestartOfTheBus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	a := w.join(0, "r", modernAuth)
	a.next("created")
	b := w.join(1, "r", modernAuth)
	a.next("join")
	b.next("joined")
	w.server.Stop(t)
	said := make(chan struct{})
	if err := a.Emit(func() { close(said) }, `"message"`, "1", string(quote(b.sid()))); err != nil {
		t.Fatal(err)
	}
	w.server.Start(t)
	b.expect(`["message",1,"` + a.sid() + `"]`)
	<-said
	c := w.join(1, "r", "")
	c.next("joined")
	a.next("join")
}
