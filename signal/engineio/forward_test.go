package engineio_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// workers starts n servers of a cluster behind a balancer that knows no
// sessions: requests go round.
func workers(t *testing.T, n int) (c *engineiotest.Cluster, all []*echo, url string) {
	t.Helper()
	c = &engineiotest.Cluster{}
	var handlers []http.Handler
	for i := range n {
		cfg := patient()
		cfg.Token = fmt.Sprintf("w%d", i)
		cfg.Forward = c
		e := serve(t, cfg)
		c.Add(cfg.Token, e.server)
		all = append(all, e)
		handlers = append(handlers, e.server)
	}
	return c, all, engineiotest.Serve(t, engineiotest.RoundRobin(handlers...)) + "/engine.io/"
}

func TestIDTellsTheOwner(t *testing.T) {
	_, all, _ := workers(t, 2)
	for i, e := range all {
		_, h := engineiotest.Open(t, e.url, 4)
		if owner, ok := engineio.Owner(h.SID); !ok || owner != fmt.Sprintf("w%d", i) {
			t.Errorf("%s is owned by %q", h.SID, owner)
		}
	}
	for _, sid := range []string{"", "abc", ".abc", "a/b.c"} {
		if owner, ok := engineio.Owner(sid); ok {
			t.Errorf("%q is owned by %q", sid, owner)
		}
	}
}

// A polling session lives though each request hits another worker.
func TestPollingOverWorkers(t *testing.T) {
	c, all, url := workers(t, 2)
	p, _ := engineiotest.Open(t, url, 4)
	for i := range 6 {
		m := fmt.Sprintf("4message %d", i)
		p.Send(m + "\x1ebAQIDBA==")
		if got := p.Poll(); got != m+"\x1ebAQIDBA==" {
			t.Fatalf("got %q", got)
		}
		_, _ = p.Do("PUT") // one request more, so that the next round hits the other way
	}
	if c.Carried() < 6 {
		t.Errorf("%d requests carried", c.Carried())
	}
	s := <-all[0].opened
	polled := make(chan string, 1)
	foreign := engineiotest.NewPoller(t, all[1].url, 4)
	foreign.SID = p.SID
	go func() { polled <- foreign.Poll() }()
	engineiotest.Eventually(t, "the poll waits", func() bool { return engineio.Polls(s) })
	foreign.Send("1")
	if got := <-polled; got != "6" {
		t.Errorf("got %q", got)
	}
	all[0].ended(engineio.TransportClose)
}

func TestErrorsOverWorkers(t *testing.T) {
	_, all, _ := workers(t, 2)
	home, _ := engineiotest.Open(t, all[0].url, 4)
	p := engineiotest.NewPoller(t, all[1].url, 4)
	for _, sid := range []string{"w0.nobody", "w9.nobody", "nobody"} {
		p.SID = sid
		if status, body := p.Get(); status != 400 || !strings.Contains(body, `"code":1`) {
			t.Errorf("%s: %d %s", sid, status, body)
		}
		if w, status := engineiotest.TryDial(t, all[1].url, "?EIO=4&transport=websocket&sid="+sid); w != nil {
			w.Closed()
		} else if status != 400 {
			t.Errorf("%s: WebSocket handshake %d", sid, status)
		}
	}
	p.SID = home.SID
	if status, _ := p.Post(strings.Repeat("x", 1e6+1)); status != 413 {
		t.Errorf("too large a payload answered %d", status)
	}
	if status, _ := p.Post("abc"); status != 400 {
		t.Errorf("an invalid packet answered %d", status)
	}
	all[0].ended(engineio.ParseError)
}

// A poll that is cancelled at one worker ends at the owner.
func TestCancelledPollOverWorkers(t *testing.T) {
	_, all, _ := workers(t, 2)
	home, _ := engineiotest.Open(t, all[0].url, 4)
	s := <-all[0].opened
	p := engineiotest.NewPoller(t, all[1].url, 4)
	p.SID = home.SID
	ctx, cancel := context.WithCancel(t.Context())
	polled := make(chan struct{})
	go func() { p.GetContext(ctx); close(polled) }()
	engineiotest.Eventually(t, "the poll waits", func() bool { return engineio.Polls(s) })
	cancel()
	<-polled
	all[0].ended(engineio.TransportError)
}

// An upgrade at another worker is relayed: the session stays where it is.
func TestUpgradeOverWorkers(t *testing.T) {
	_, all, _ := workers(t, 2)
	for _, eio := range []int{4, 3} {
		home, h := engineiotest.Open(t, all[0].url, eio)
		s := <-all[0].opened
		w := engineiotest.Dial(t, all[1].url, eio, h.SID, "")
		w.Send("2probe")
		w.Expect("3probe")
		w.Send("5")
		w.Send("4hello")
		w.Expect("4hello")
		if s.Transport() != "websocket" {
			t.Errorf("transport is %s", s.Transport())
		}
		if status, _ := home.Get(); status != 400 {
			t.Errorf("a poll after the upgrade answered %d", status)
		}
		if eio == 4 {
			w.SendBinary([]byte{1, 2})
			if b := w.ReadBinary(); len(b) != 2 {
				t.Errorf("got %v", b)
			}
			if err := s.Send(engineio.Text([]byte("last"))); err != nil {
				t.Fatal(err)
			}
			s.Close("enough")
			if before, _ := w.Closed(); len(before) != 1 || before[0] != "4last" {
				t.Errorf("got %q before the end", before)
			}
			all[0].ended("enough")
			continue
		}
		w.Close()
		all[0].ended(engineio.TransportClose)
	}
}

// The worker that has the WebSocket ends, or the owner does: the other side
// hears of it.
func TestWorkerEndsWhileItRelays(t *testing.T) {
	for _, ends := range []int{0, 1} {
		_, all, _ := workers(t, 2)
		_, h := engineiotest.Open(t, all[0].url, 4)
		w := engineiotest.Dial(t, all[1].url, 4, h.SID, "")
		w.Send("2probe")
		w.Expect("3probe")
		w.Send("5")
		w.Send("4hello")
		w.Expect("4hello")
		closed := make(chan struct{})
		go func() { all[ends].server.Close(); close(closed) }()
		w.Closed()
		<-closed
		all[0].ended([]engineio.Reason{engineio.ShuttingDown, engineio.TransportClose}[ends])
	}
}
