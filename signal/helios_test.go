package signal

import (
	"maps"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// The whole contract of docs/helios.md between two workers: exactly those events
// with exactly those arguments.
func TestHELIOSContract(t *testing.T) {
	w := newWorld(t, 2)
	a := w.join(0, "kitchen", "")
	a.expect(`["created","/kitchen","` + a.sid() + `"]`)
	b := w.join(1, "kitchen", "")
	b.expect(`["joined","/kitchen"]`)
	a.expect(`["join","` + b.sid() + `"]`)

	offer := `{"type":"offer",  "sdp":"v=0\r\n <&> ü", "z":1,"a":[2.0]}`
	a.say(offer, b.sid())
	b.expect(`["message",` + offer + `,"` + a.sid() + `"]`)
	b.say(`"bye"`, a.sid())
	a.expect(`["message","bye","` + b.sid() + `"]`)

	stranger := w.join(0, "garden", "")
	stranger.expect(`["created","/garden","` + stranger.sid() + `"]`)
	stranger.say(`"hear me"`, b.sid()) // a member of another room
	b.Leave()
	a.expect(`["message","bye","` + b.sid() + `"]`)
	a.Close()
	bustest.Eventually(t, "the room is forgotten", func() bool {
		_, err := w.workers[1].bus.GetRoom(t.Context(), "kitchen")
		return err != nil
	})
	// Members that left at the same time may be told of in any order.
	started, joined := bustest.Expect[bus.CallStarted](t, w.workers[0].bus), bustest.Expect[bus.CallJoined](t, w.workers[0].bus)
	left, ended := bustest.Expect[bus.CallLeft](t, w.workers[0].bus), bustest.Expect[bus.CallEnded](t, w.workers[0].bus)
	// Each worker tells of its own members: of both, the order is not said.
	calls, members := map[string]string{}, map[string]bool{}
	for range 2 {
		s := started()
		calls[s.Room] = s.Call
	}
	for range 3 {
		members[joined().Member] = true
	}
	if e := ended(); calls["kitchen"] == "" || e.Call != calls["kitchen"] {
		t.Errorf("calls %v; %+v", calls, e)
	}
	if want := map[string]bool{a.sid(): true, b.sid(): true, stranger.sid(): true}; !maps.Equal(members, want) {
		t.Errorf("%v, want %v", members, want)
	}
	reasons := map[string]string{}
	for range 2 {
		l := left()
		reasons[l.Member] = l.Reason
	}
	if want := map[string]string{b.sid(): "left", a.sid(): "connection lost"}; !maps.Equal(reasons, want) {
		t.Errorf("%v, want %v", reasons, want)
	}
}

// The seventh gets full and has to go; nobody hears of it.
func TestFullRoom(t *testing.T) {
	w := newWorld(t, 2, func(c *Config) { c.MaxMembers = 2 })
	a := w.join(0, "r", "")
	a.expect(`["created","/r","` + a.sid() + `"]`)
	b := w.join(1, "r", "")
	a.expect(`["join","` + b.sid() + `"]`)
	c := w.join(0, "r", "")
	c.expect(`["full","/r"]`, `["disconnect"]`)
	b.Leave()
	a.expect(`["message","bye","` + b.sid() + `"]`) // and not that of c before it
}

func TestAddresses(t *testing.T) {
	w := newWorld(t, 1)
	a := w.join(0, "r", "")
	a.next("created")
	if err := a.Emit(nil, `"ipaddr"`); err != nil {
		t.Fatal(err)
	}
	a.say(`1`, "nobody") // still there
}

// An old client of Engine.IO 3 that leaves and joins again on its connection
// has the id that it had.
func TestJoinAgainWithTheSameID(t *testing.T) {
	w := newWorld(t, 2)
	a := w.join(1, "r", "")
	a.next("created")
	s, h := engineiotest.OpenWebSocket(t, w.workers[0].url+root, 3)
	s.Expect("40")
	sid := "/r#" + h.SID
	for range 3 {
		s.Send("40/r")
		s.Expect("40/r,", `42/r,["joined","/r"]`)
		a.expect(`["join","` + sid + `"]`)
		s.Send("41/r")
		a.expect(`["message","bye","` + sid + `"]`)
	}
}
