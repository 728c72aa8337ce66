package engineio_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestUpgrade(t *testing.T) {
	e := serve(t, patient())
	noop := map[int]string{4: "6", 3: "1:6"}
	for _, eio := range []int{4, 3} {
		p, h := engineiotest.Open(t, e.url, eio)
		s := <-e.opened
		w := engineiotest.Dial(t, e.url, eio, h.SID, "")
		w.Send("2probe")
		w.Expect("3probe")
		if got := p.Poll(); got != noop[eio] {
			t.Fatalf("EIO=%d: got %q", eio, got)
		}
		w.Send("5")
		w.Send("4hello")
		w.Expect("4hello")
		if s.Transport() != "websocket" {
			t.Errorf("transport is %s", s.Transport())
		}
		w.Close()
		e.ended(engineio.TransportClose)
	}
}

// wrapped is a ResponseWriter as those that count bytes are.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestServedBelowOtherHandlers(t *testing.T) {
	e := serve(t, patient())
	url := engineiotest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.server.ServeHTTP(wrapped{w}, r)
	})) + "/any/path/"
	w, _ := engineiotest.OpenWebSocket(t, url, 4)
	w.Send("4hello")
	w.Expect("4hello")
	p, _ := engineiotest.Open(t, url, 4)
	p.Send("4hello")
	if got := p.Poll(); got != "4hello" {
		t.Errorf("got %q", got)
	}
}

// bare can do nothing but answer.
type bare struct{ http.ResponseWriter }

func TestPollsBelowAHandlerThatCannotFlush(t *testing.T) {
	e := serve(t, patient())
	url := engineiotest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.server.ServeHTTP(bare{w}, r)
	}))
	p, _ := engineiotest.Open(t, url, 4)
	for range 2 {
		p.Send("4hello")
		if got := p.Poll(); got != "4hello" {
			t.Errorf("got %q", got)
		}
	}
}

// What is sent while the client changes over arrives once, in order.
func TestNothingIsLostInAnUpgrade(t *testing.T) {
	e := serve(t, patient())
	p, h := engineiotest.Open(t, e.url, 4)
	s := <-e.opened
	var want, got []string
	send := func() {
		m := fmt.Sprintf("4message %d", len(want))
		want = append(want, m)
		if err := s.Send(engineio.Text([]byte(m[1:]))); err != nil {
			t.Fatal(err)
		}
	}
	send()
	w := engineiotest.Dial(t, e.url, 4, h.SID, "")
	send()
	w.Send("2probe")
	w.Expect("3probe")
	send()
	for {
		body := p.Poll() // the client's poll ends with the probe
		if body == "6" {
			break
		}
		got = append(got, engineiotest.Split(body)...)
	}
	send()
	send()
	w.Send("5")
	send()
	for len(got) < len(want) {
		got = append(got, w.Read())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
}

// Requests that come after the upgrade packet was sent are refused, also when
// they overtake it.
func TestPollsAfterAnUpgradeAreRefused(t *testing.T) {
	e := serve(t, patient())
	for range 10 {
		p, h := engineiotest.Open(t, e.url, 4)
		w := engineiotest.Dial(t, e.url, 4, h.SID, "")
		w.Send("2probe")
		w.Send("5")
		if status, body := p.Get(); status != 400 || body != `{"code":3,"message":"Bad request"}` {
			t.Fatalf("answered %d %s", status, body)
		}
		w.Expect("3probe")
		if status, _ := p.Post("4x"); status != 400 {
			t.Errorf("a POST answered %d", status)
		}
		other := engineiotest.Dial(t, e.url, 4, h.SID, "")
		other.Closed()
		w.Send("4hello")
		w.Expect("4hello")
	}
}

func TestSecondUpgradeIsRefused(t *testing.T) {
	e := serve(t, patient())
	_, h := engineiotest.Open(t, e.url, 4)
	w := engineiotest.Dial(t, e.url, 4, h.SID, "")
	w.Send("2probe")
	w.Expect("3probe")
	engineiotest.Dial(t, e.url, 4, h.SID, "").Closed()
	w.Send("5")
	w.Send("4hello")
	w.Expect("4hello")
}

// A WebSocket that does not get through leaves the session polling.
func TestFailedUpgradeLeavesThePolling(t *testing.T) {
	c := patient()
	c.UpgradeTimeout = 50 * time.Millisecond
	e := serve(t, c)
	p, h := engineiotest.Open(t, e.url, 4)
	s := <-e.opened
	for _, say := range [][]string{nil, {"2"}, {"4hello"}, {"2probe", "4hello"}, {"2probe"}} {
		w := engineiotest.Dial(t, e.url, 4, h.SID, "")
		for _, m := range say {
			w.Send(m)
		}
		w.Closed()
		engineiotest.Eventually(t, "the probe is over", func() bool { return !engineio.Probes(s) })
		p.Send("4still here")
		for body := p.Poll(); body != "4still here"; body = p.Poll() {
			if body != "6" {
				t.Fatalf("after %q: got %q", say, body)
			}
		}
	}
	w := engineiotest.Dial(t, e.url, 4, h.SID, "")
	w.Send("2probe")
	w.Send("5")
	w.Expect("3probe")
	w.Send("4hello")
	w.Expect("4hello")
}

func TestSessionEndsWhileItUpgrades(t *testing.T) {
	e := serve(t, patient())
	_, h := engineiotest.Open(t, e.url, 4)
	s := <-e.opened
	w := engineiotest.Dial(t, e.url, 4, h.SID, "")
	w.Send("2probe")
	w.Expect("3probe")
	s.Close("enough")
	w.Closed()
	e.ended("enough")
}
