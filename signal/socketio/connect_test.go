package socketio_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/socketio"
)

func TestConnect(t *testing.T) {
	a := serve(t)
	for _, namespace := range []string{"", "/custom,", "/room-17,"} {
		for _, auth := range []string{"", `{"token":"123"}`, `{"z":1,"a":{"y":[true],"b":null}}`} {
			a.connect(a.open(), namespace, auth)
		}
	}
	w := a.open()
	w.Send("40/custom") // without a comma
	if got := w.Read(); !strings.HasPrefix(got, `40/custom,{"sid":"`) {
		t.Errorf("got %q", got)
	}
}

// One connection has several namespaces, each with its own id.
func TestNamespacesOfOneConnection(t *testing.T) {
	a := serve(t)
	w := a.open()
	one, two := a.connect(w, "", ""), a.connect(w, "/custom,", "")
	if one.SID == two.SID {
		t.Error("both have the same id")
	}
	w.Send(`42["message","main"]`)
	w.Expect(`42["message-back","main"]`)
	w.Send(`42/custom,["message","custom"]`)
	w.Expect(`42/custom,["message-back","custom"]`)
	w.Send("41/custom")
	a.closed(socketio.ClientLeft)
	w.Send(`42["message","still here"]`)
	w.Expect(`42["message-back","still here"]`)
	w.Send("41/custom,")
	w.Closed() // it left already: an error, as it is for the Node.js server
	a.closed(engineio.ParseError)
}

func TestRefusals(t *testing.T) {
	a := serve(t)
	w := a.open()
	for send, want := range map[string]string{
		"40/random":            `44/random,{"message":"Invalid namespace"}`,
		"40/room-x,":           `44/room-x,{"message":"Invalid namespace"}`,
		`40/refused,{"a":"b"}`: `44/refused,{"message":"no entry","data":{"why":"closed","until":9}}`,
		"40/broken":            `44/broken,{"message":"Internal error; try again"}`,
	} {
		w.Send(send)
		w.Expect(want)
	}
	a.connect(w, "", "") // the connection goes on
}

func TestConnectTimeout(t *testing.T) {
	soon := func(_ *engineio.Config, s *socketio.Config) { s.ConnectTimeout = 20 * time.Millisecond }
	a := serve(t, soon)
	a.open().Closed()
	w := a.open()
	w.Send("40/random")
	w.Closed()
	p, _ := engineiotest.Open(t, a.url, 4)
	if got := p.Poll(); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestNamespaceLimit(t *testing.T) {
	a := serve(t, func(_ *engineio.Config, s *socketio.Config) { s.MaxNamespaces = 3 })
	w := a.open()
	for i := range 3 {
		a.connect(w, fmt.Sprintf("/room-%d,", i), "")
	}
	w.Send("40/room-4,")
	w.Expect(`44/room-4,{"message":"Too many namespaces; leave one"}`)
	w.Send("41/room-1,")
	a.closed(socketio.ClientLeft)
	a.connect(w, "/room-4,", "")
}

func TestServerDisconnects(t *testing.T) {
	a := serve(t)
	w := a.open()
	a.connect(w, "", "")
	a.connect(w, "/custom,", "")
	w.Send(`42/custom,["leave"]`)
	w.Send(`42/custom,["message","sent before it knew"]`)
	w.Expect("41/custom,")
	a.closed(socketio.ServerLeft)
	w.Send(`42["message","still here"]`)
	w.Expect(`42["message-back","still here"]`)
	a.connect(w, "/custom,", "") // it may come again
	<-a.Sockets
	<-a.Sockets
	again := <-a.Sockets
	again.Disconnect()
	again.Disconnect()
	if err := again.Emit(socketio.Event{Name: "x"}); err != socketio.ErrClosed {
		t.Errorf("Emit after Disconnect: %v", err)
	}
	w.Expect("41/custom,")
	a.closed(socketio.ServerLeft)
	w.Send(`42["hang-up"]`)
	w.Closed()
	a.closed(socketio.ServerClose)
}

func TestConnectionEnds(t *testing.T) {
	a := serve(t)
	w := a.main()
	w.Close()
	a.closed(engineio.TransportClose)
	p, _ := engineiotest.Open(t, a.url, 4)
	p.Send("40")
	p.Poll()
	p.Send("1")
	a.closed(engineio.TransportClose)
	w = a.main()
	a.App.Close()
	w.Closed()
	a.closed(engineio.ShuttingDown)
}

// What ends the connection (Protocol, "Packet encoding"; the Node.js server).
func TestInvalidPackets(t *testing.T) {
	a := serve(t)
	for _, m := range []string{
		"4abc", "4", "47", "42", "42{}", `42"x"`, "42[]", "42[", `42[{}]`, `42[null,1]`, `42abc["message"]`, `42["connect"]`, `42["disconnect"]`,
		"40", `40{}`, "40[]", `40"x"`, `41{}`, `44{"message":"x"}`, `44"x"`, "43[]", "431", "431{}", "43x[]",
		`42/nowhere,["message"]`, `41/nowhere`, `42/custom["message"]`,
		`45["message"]`, `45-["message"]`, `450-["message"]`, `4511-["message"]`, `45999999999999999999-["message"]`, `451-[]`,
		`451-["message",{"_placeholder":true,"num":1}]`, `451-["message",{"_placeholder":true,"num":-1}]`, `451-["message",{"_placeholder":true}]`,
		`451-["message",{"_placeholder":true,"num":"0"}]`, `451-["message",[{"a":{"\u005fplaceholder":true,"num":7}}]]`,
		`4212345678901234567890["message"]`, "42/" + strings.Repeat("x", 2000) + `,["message"]`,
	} {
		w := a.main()
		w.Send(m)
		w.Closed()
		a.closed(engineio.ParseError)
	}
	// Attachments that are missing, unasked for, or too large.
	w := a.main()
	w.SendBinary([]byte{1})
	w.Closed()
	w = a.main()
	w.Send(`451-["message",{"_placeholder":true,"num":0}]`)
	w.Send(`42["message"]`)
	w.Closed()
	w = a.main()
	w.Send(`452-["message",{"_placeholder":true,"num":0}]`)
	w.SendBinary(make([]byte, 600_000))
	w.SendBinary(make([]byte, 600_000))
	w.Closed()
	w = a.open()
	w.Send("4abc") // before any namespace
	w.Closed()
}

func TestRateLimit(t *testing.T) {
	a := serve(t, func(e *engineio.Config, _ *socketio.Config) { e.Flow.Packets, e.Flow.PacketsBurst = 0.001, 10 })
	w := a.main()
	for range 10 {
		w.Send(`42["message"]`)
	}
	before, _ := w.Closed()
	if len(before) != 9 { // the tenth of the burst was the connect packet
		t.Errorf("%d messages came back", len(before))
	}
	a.closed(engineio.RateLimit)
}
