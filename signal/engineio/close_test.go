package engineio_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// A poll and a close packet at the same time: the poll gets a noop, whichever
// comes first.
func TestClientCloses(t *testing.T) {
	e := serve(t, patient())
	noop := map[int]string{4: "6", 3: "1:6"}
	bye := map[int]string{4: "1", 3: "1:1"}
	for _, eio := range []int{4, 3} {
		for range 10 {
			p, _ := engineiotest.Open(t, e.url, eio)
			polled := make(chan string, 1)
			go func() { polled <- p.Poll() }()
			p.Send(bye[eio])
			if got := <-polled; got != noop[eio] {
				t.Fatalf("EIO=%d: got %q", eio, got)
			}
			e.ended(engineio.TransportClose)
			e.gone(p)
		}
		w, _ := engineiotest.OpenWebSocket(t, e.url, eio)
		w.Send("1")
		e.ended(engineio.TransportClose)
		w.Closed()
		w, _ = engineiotest.OpenWebSocket(t, e.url, eio)
		w.Close()
		e.ended(engineio.TransportClose)
	}
}

func TestHandlerCloses(t *testing.T) {
	e := serve(t, patient())
	// What was sent before arrives, whether the client polls now or later.
	for _, waits := range []bool{true, false} {
		p, _ := engineiotest.Open(t, e.url, 4)
		s := <-e.opened
		polled := make(chan string, 1)
		if waits {
			p.Send("4first")
			if got := p.Poll(); got != "4first" {
				t.Fatalf("got %q", got)
			}
			go func() { polled <- p.Poll() }()
		}
		if err := s.Send(engineio.Text([]byte("last"))); err != nil {
			t.Fatal(err)
		}
		if waits {
			if got := <-polled; got == "4last" {
				go func() { polled <- p.Poll() }()
			} else {
				t.Fatalf("got %q", got)
			}
		}
		s.Close("enough")
		e.ended("enough")
		if waits {
			if got := <-polled; got != "1" {
				t.Errorf("got %q", got)
			}
		} else if got := p.Poll(); got != "4last\x1e1" {
			t.Errorf("got %q", got)
		}
		e.gone(p)
		if err := s.Send(engineio.Text(nil)); err != engineio.ErrClosed {
			t.Errorf("Send after Close: %v", err)
		}
	}
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	s := <-e.opened
	if err := s.Send(engineio.Text([]byte("a")), engineio.Text([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	s.Close("enough")
	if before, code := w.Closed(); len(before) != 2 || before[0] != "4a" || before[1] != "4b" || code != 1000 {
		t.Errorf("got %q, then %d", before, code)
	}
	e.ended("enough")
}

func TestServerCloses(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 4)
	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	polled := make(chan string, 1)
	go func() { polled <- p.Poll() }()
	p.Send("4x")
	if got := <-polled; got != "4x" {
		t.Fatalf("got %q", got)
	}
	go func() {
		if status, body := p.Get(); status == 200 {
			polled <- body
		} else {
			polled <- "1" // it came too late
		}
	}()
	go e.server.Close()
	if got := <-polled; got != "1" {
		t.Errorf("got %q", got)
	}
	w.Closed()
	e.server.Close()
	e.ended(engineio.ShuttingDown)
	e.ended(engineio.ShuttingDown)
	if status, _ := engineiotest.NewPoller(t, e.url, 4).Get(); status != 503 {
		t.Errorf("a handshake after Close answered %d", status)
	}
}

func TestDuplicatePollEndsTheSession(t *testing.T) {
	e := serve(t, patient())
	bye := map[int]string{4: "1", 3: "1:1"}
	for _, eio := range []int{4, 3} {
		p, _ := engineiotest.Open(t, e.url, eio)
		type answer struct {
			status int
			body   string
		}
		answers := make(chan answer, 2)
		for range 2 {
			go func() {
				status, body := p.Get()
				answers <- answer{status, body}
			}()
		}
		first, second := <-answers, <-answers
		if first.status != 200 {
			first, second = second, first
		}
		if first.status != 200 || first.body != bye[eio] || second.status != 400 {
			t.Errorf("EIO=%d: answered %v and %v", eio, first, second)
		}
		e.ended(engineio.TransportError)
		e.gone(p)
	}
}

func TestCancelledPollEndsTheSession(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 4)
	ctx, cancel := context.WithCancel(t.Context())
	polled := make(chan int, 1)
	go func() {
		status, _ := p.GetContext(ctx)
		polled <- status
	}()
	s := <-e.opened
	engineiotest.Eventually(t, "the poll waits", func() bool { return engineio.Polls(s) })
	cancel()
	if status := <-polled; status != 0 {
		t.Fatalf("the cancelled poll answered %d", status)
	}
	// Whether the server noticed yet or not: this poll is refused.
	if status, _ := p.Get(); status != 400 {
		t.Errorf("a poll after a cancelled one answered %d", status)
	}
	e.ended(engineio.TransportError)
}

// However a WebSocket ends, the server sends one close frame (RFC 6455, 5.5.1).
func TestOneCloseFrame(t *testing.T) {
	c := patient()
	short := config()
	short.PingInterval = 50 * time.Millisecond
	text := func(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }
	bye := ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))
	for name, k := range map[string]struct {
		cfg    engineio.Config
		send   []ws.Frame
		closes bool // by the handler
	}{
		"the client closes":                {c, []ws.Frame{bye}, false},
		"the client closes twice":          {c, []ws.Frame{bye, bye}, false},
		"the client ends the session":      {c, []ws.Frame{text("1"), bye}, false},
		"the handler closes":               {c, nil, true},
		"the handler and the client close": {c, []ws.Frame{bye}, true},
		"no packet of the protocol":        {c, []ws.Frame{text("x"), text("x")}, false},
		"no frame of the protocol":         {c, []ws.Frame{ws.NewFrame(ws.OpContinuation, true, nil)}, false},
		"the client is silent":             {short, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := serve(t, k.cfg)
			conn, early, _, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(e.url, "http")+"?transport=websocket&EIO=4")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if early != nil {
				ws.PutReader(early)
			}
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if s := <-e.opened; k.closes {
				s.Close("enough")
			}
			for _, f := range k.send {
				if err := ws.WriteFrame(conn, ws.MaskFrame(f)); err != nil {
					break // it is closed by now
				}
			}
			closes := 0
			for {
				f, err := ws.ReadFrame(conn)
				if err != nil {
					break
				}
				if f.Header.OpCode == ws.OpClose {
					closes++
				}
			}
			if closes != 1 {
				t.Errorf("%d close frames", closes)
			}
		})
	}
}

// A poll that was cancelled takes nothing with it: what is sent meanwhile is
// either answered to someone or still queued when the session ends.
func TestCancelledPollTakesNothing(t *testing.T) {
	e := serve(t, patient())
	_, _ = engineiotest.Open(t, e.url, 4)
	s := <-e.opened
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Send(engineio.Text([]byte("kept"))); err != nil {
		t.Fatal(err)
	}
	if ps := engineio.Get(s, ctx); len(ps) != 0 {
		t.Errorf("a cancelled poll took %v", ps)
	}
	e.ended(engineio.TransportError)
}
