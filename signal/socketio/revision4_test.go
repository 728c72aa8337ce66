package socketio_test

import (
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio"
)

// A client of Engine.IO 3 speaks revision 4: the main namespace without
// asking, ids that it works out itself, errors as plain text.
func TestRevision4(t *testing.T) {
	a := serve(t)
	w, h := engineiotest.OpenWebSocket(t, a.url, 3)
	w.Expect("40", `42["auth",{}]`)
	if s := last(a); s.ID() != h.SID || s.PID() != "" {
		t.Errorf("the id is %s", s.ID())
	}
	w.Send(`42["message",{"b":1,"a":2}]`)
	w.Expect(`42["message-back",{"b":1,"a":2}]`)
	w.Send("40/custom?token=abc&x=%C3%BC")
	w.Expect("40/custom,", `42/custom,["auth",{"token":"abc","x":"ü"}]`)
	if s := last(a); s.ID() != "/custom#"+h.SID {
		t.Errorf("the id is %s", s.ID())
	}
	w.Send(`42/custom,7["message-with-ack",1]`)
	w.Expect(`43/custom,7[1]`)
	w.Send("40/random")
	w.Expect(`44/random,"Invalid namespace"`)
	w.Send("40/refused")
	w.Expect(`44/refused,"no entry"`)
	w.Send(`451-["message",{"_placeholder":true,"num":0}]`)
	w.SendBinary([]byte{4, 1, 2, 3})
	w.Expect(`451-["message-back",{"_placeholder":true,"num":0}]`)
	if b := w.ReadBinary(); string(b) != "\x04\x01\x02\x03" {
		t.Errorf("got %v", b)
	}
	w.Send("41/custom")
	a.closed(socketio.ClientLeft)
	w.Close()
	a.closed(engineio.TransportClose)
}

func TestRevision4ByPolling(t *testing.T) {
	a := serve(t)
	p, _ := engineiotest.Open(t, a.url, 3)
	got := p.Poll()
	if got == "2:40" { // asked between the two
		got += p.Poll()
	}
	if got != `2:4013:42["auth",{}]` {
		t.Errorf("got %q", got)
	}
	p.Send(`19:42["message","€𝄞"]`)
	if got := p.Poll(); got != `24:42["message-back","€𝄞"]` {
		t.Errorf("got %q", got)
	}
}
