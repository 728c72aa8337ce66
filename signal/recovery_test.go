package signal

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/signal/signaltest"
)

func stays(o *signaltest.Options) { o.Stay = true }

// A worker ends; its client reconnects to another, keeps its id, and has
// everything once and in order. The others see nothing of it.
func TestRecoveryAtAnotherWorker(t *testing.T) {
	w := newWorld(t, 2)
	var at atomic.Int64
	a := w.join(0, "r", modernAuth)
	a.next("created")
	b := w.join(0, "r", modernAuth, stays, func(o *signaltest.Options) { o.URL = func() string { return w.workers[at.Load()].url } })
	b.next("joined")
	a.next("join")
	c := w.join(1, "r", modernAuth)
	c.next("joined")
	a.next("join")
	b.next("join")
	c.say("1", b.sid())
	b.expect(`["message",1,"` + c.sid() + `"]`)

	at.Store(1)
	sid := b.sid()
	w.workers[0].stop()
	for i := range 5 { // while it is away, too
		c.say(fmt.Sprint(i+2), sid)
	}
	b.next("connect")
	for i := range 5 {
		b.expect(fmt.Sprintf(`["message",%d,"%s"]`, i+2, c.sid()))
	}
	if s := b.State(); s.SID != sid || s.Recovered != 1 {
		t.Errorf("came back as %+v", s)
	}
	b.say("7", c.sid())
	c.expect(`["message",7,"` + sid + `"]`) // and no bye before it
}

// A message that is sent again, to another worker too, arrives once.
func TestMessageSentAgain(t *testing.T) {
	w := newWorld(t, 2)
	a := w.join(0, "r", modernAuth)
	a.next("created")
	b := w.join(1, "r", modernAuth)
	b.next("joined")
	for range 3 {
		a.say("1", b.sid(), "id-1")
	}
	a.say("2", b.sid(), "id-2")
	b.expect(`["message",1,"`+a.sid()+`"]`, `["message",2,"`+a.sid()+`"]`)
}

// A client that does not reconnect in time has left: once.
func TestGoneForGood(t *testing.T) {
	w := newWorld(t, 3, func(c *Config) { c.Grace = 0 })
	a := w.join(0, "r", modernAuth)
	a.next("created")
	b := w.join(1, "r", modernAuth)
	a.next("join")
	c := w.join(2, "r", modernAuth)
	a.next("join")
	b.Close()
	a.expect(`["message","bye","` + b.sid() + `"]`)
	c.next("joined")
	c.expect(`["message","bye","` + b.sid() + `"]`)
	c.say("1", a.sid())
	a.expect(`["message",1,"` + c.sid() + `"]`) // no second bye
	bustest.Eventually(t, "the record forgets it", func() bool {
		r, err := w.workers[0].bus.GetRoom(t.Context(), "r")
		return err == nil && len(r.Members) == 2
	})
}
