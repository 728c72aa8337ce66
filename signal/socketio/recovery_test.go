package socketio_test

import (
	"strings"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio"
)

func TestRecovery(t *testing.T) {
	a := serve(t)
	w := a.open()
	was := a.connect(w, "/custom,", `{"recover":true}`)
	if was.PID == "" {
		t.Fatal("no private id")
	}
	talker := a.open()
	a.connect(talker, "/custom,", "")
	say := func(text string) { talker.Send(`42/custom,["say","` + text + `"]`) }
	say("one")
	say("two")
	w.Expect(`42/custom,["said","one","offset-1"]`, `42/custom,["said","two","offset-2"]`)
	w.Close()
	a.closed(engineio.TransportClose)
	say("three")
	say("four")
	talker.Send(`42/custom,["message"]`)
	talker.Expect(`42/custom,["message-back"]`) // what was said before is said

	w = a.open()
	w.Send(`40/custom,{"pid":"` + was.PID + `","offset":"offset-1","recover":true}`)
	w.Expect(`40/custom,{"sid":"`+was.SID+`","pid":"`+was.PID+`"}`,
		`42/custom,["said","two","offset-2"]`, `42/custom,["said","three","offset-3"]`, `42/custom,["said","four","offset-4"]`)
	say("five")
	w.Expect(`42/custom,["said","five","offset-5"]`)
	if s := last(a); !s.Recovered() || s.ID() != was.SID {
		t.Errorf("recovered %v as %s", s.Recovered(), s.ID())
	}

	// One that leaves on purpose does not come back.
	w.Send("41/custom")
	a.closed(socketio.ClientLeft)
}

// What cannot be recovered is a new socket.
func TestNothingToRecover(t *testing.T) {
	a := serve(t)
	w := a.open()
	was := a.connect(w, "", `{"recover":true}`)
	w.Close()
	a.closed(engineio.TransportClose)
	for _, auth := range []string{
		`{"pid":"nobody","offset":"1"}`, `{"pid":7,"offset":{}}`, `{"pid":"` + was.PID + `","offset":"forgotten"}`,
	} {
		if h := a.connect(a.open(), "", auth); h.SID == was.SID || h.PID != "" {
			t.Errorf("%s is %+v", auth, h)
		}
	}
	if h := a.connect(a.open(), "/custom,", `{"pid":"`+was.PID+`"}`); h.SID == was.SID {
		t.Error("recovered in another namespace")
	}
}

// The session ends with a cancelled poll. What was on its way is not lost to
// a client that can recover.
func TestCancelledPollLosesNothing(t *testing.T) {
	a := serve(t)
	p, _ := engineiotest.Open(t, a.url, 4)
	p.Send(`40{"recover":true}`)
	hello := p.Poll() // with auth: both were queued by one POST
	_, pid, _ := strings.Cut(hello, `"pid":"`)
	pid, _, _ = strings.Cut(pid, `"`)
	p.Cancelled()
	talker := a.main()
	talker.Send(`42["say","meanwhile"]`)
	a.closed(engineio.TransportError)

	w := a.open()
	w.Send(`40{"pid":"` + pid + `"}`)
	if got := w.Read(); !strings.Contains(got, pid) {
		t.Fatalf("got %q", got)
	}
	w.Expect(`42["said","meanwhile","offset-1"]`)
}

// last is the socket that connected last.
func last(a *app) (s *socketio.Socket) {
	for {
		select {
		case s = <-a.Sockets:
		default:
			return s
		}
	}
}
