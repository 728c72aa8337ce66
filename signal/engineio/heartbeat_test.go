package engineio_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestServerPings(t *testing.T) {
	c := config()
	c.PingTimeout = time.Minute // the machine may be busy
	e := serve(t, c)
	p, _ := engineiotest.Open(t, e.url, 4)
	for range 3 {
		if got := p.Poll(); got != "2" {
			t.Fatalf("got %q, want a ping", got)
		}
		p.Send("3")
	}
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	for range 3 {
		w.Expect("2")
		w.Send("3")
	}
	w.Close()
}

// A ping that is nearly due goes with a message, by WebSocket. A timer that
// fired just before that ends nothing.
func TestPingGoesWithAMessage(t *testing.T) {
	e := serve(t, patient())
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	s := <-e.opened
	w.Send("4early")
	w.Expect("4early")
	engineio.NearPing(s)
	w.Send("4nearly")
	w.Expect("4nearly")
	w.Expect("2")
	engineio.Tick(s)
	w.Send("4asked")
	w.Expect("4asked")
	w.Send("3")
	w.Send("4answered")
	w.Expect("4answered")
	w.Send("4again")
	w.Expect("4again")
	w.Close()
	p, _ := engineiotest.Open(t, e.url, 4)
	engineio.NearPing(<-e.opened)
	p.Send("4hello")
	if got := p.Poll(); got != "4hello" {
		t.Errorf("got %q", got)
	}
}

func TestSilentClientsAreGone(t *testing.T) {
	e := serve(t, config())
	for _, eio := range []int{4, 3} {
		p, _ := engineiotest.Open(t, e.url, eio)
		e.ended(engineio.PingTimeout)
		e.gone(p)
		w, _ := engineiotest.OpenWebSocket(t, e.url, eio)
		e.ended(engineio.PingTimeout)
		w.Closed()
	}
}

// A poll that waits when the client is given up hears of it.
func TestPollOfASilentClientIsAnswered(t *testing.T) {
	e := serve(t, hasty())
	p, _ := engineiotest.Open(t, e.url, 4)
	if got := p.Poll(); got != "2" {
		t.Fatalf("got %q", got)
	}
	if got := p.Poll(); got != "1" {
		t.Fatalf("got %q, want a close packet", got)
	}
	e.ended(engineio.PingTimeout)
}

func TestClientPingsInRevision3(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 3)
	for range 3 {
		p.Send("1:2")
		if got := p.Poll(); got != "1:3" {
			t.Fatalf("got %q, want a pong", got)
		}
	}
	w, _ := engineiotest.OpenWebSocket(t, e.url, 3)
	for range 3 {
		w.Send("2")
		w.Expect("3")
	}
	w.Send("2hello")
	w.Expect("3hello")
	w.Close()
}

// A client that never says pong but talks is given one more PingTimeout a
// ping, not for ever.
func TestTalkIsNoPongForEver(t *testing.T) {
	e := serve(t, hasty())
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	w.Expect("2")
	w.Send("4hello")
	w.Expect("4hello")
	e.ended(engineio.PingTimeout)
	w.Closed()
}

func TestHeartbeatOfTheWrongSide(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 4)
	if status, _ := p.Post("2"); status != http.StatusBadRequest {
		t.Errorf("a ping in revision 4 answered %d", status)
	}
	p, _ = engineiotest.Open(t, e.url, 3)
	if status, _ := p.Post("1:3"); status != http.StatusBadRequest {
		t.Errorf("a pong in revision 3 answered %d", status)
	}
	e.ended(engineio.ParseError)
	e.ended(engineio.ParseError)
}

// hasty pings soon, and waits for a machine that is busy.
func hasty() engineio.Config {
	c := config()
	c.PingInterval, c.PingTimeout = 50*time.Millisecond, time.Second
	return c
}
