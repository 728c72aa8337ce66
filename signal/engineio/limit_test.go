package engineio_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

func TestPayloadLimit(t *testing.T) {
	c := patient()
	c.MaxPayload = 1000
	e := serve(t, c)
	p, _ := engineiotest.Open(t, e.url, 4)
	most := "4" + strings.Repeat("x", 999)
	p.Send(most)
	if p.Poll() != most {
		t.Error("a payload of maxPayload does not come back")
	}
	if status, _ := p.Post(most + "x"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("one byte more answered %d", status)
	}
	e.ended(engineio.TransportError)
	e.gone(p)

	w, _ := engineiotest.OpenWebSocket(t, e.url, 4)
	w.Send(most)
	w.Expect(most)
	w.Send(most + "xx")
	if _, code := w.Closed(); code != 1009 {
		t.Errorf("closed with %d, want 1009 (too big)", code)
	}
	e.ended(engineio.TransportClose)
}

func TestSendQueueLimits(t *testing.T) {
	c := patient()
	c.MaxQueue, c.MaxQueueBytes = 4, 1000
	e := serve(t, c)
	one := engineio.Text([]byte("x"))
	big := engineio.Text(make([]byte, 501))
	for _, ps := range [][]engineio.Packet{{one, one, one, one, one}, {big, big}} {
		p, _ := engineiotest.Open(t, e.url, 4)
		s := <-e.opened
		if err := s.Send(ps[0]); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(ps[1:]...); err != engineio.ErrQueueFull {
			t.Errorf("Send: %v", err)
		}
		e.ended(engineio.QueueFull)
		e.gone(p)
	}
}

// A client that takes nothing is given up, and holds nothing of ours (the
// test would leak).
func TestClientThatDoesNotRead(t *testing.T) {
	c := patient()
	c.WriteTimeout = 200 * time.Millisecond
	e := serve(t, c)
	engineiotest.OpenWebSocket(t, e.url, 4)
	s := <-e.opened
	big := engineio.Text(bytes.Repeat([]byte("x"), 1<<20))
	for s.Send(big) == nil {
	}
	select {
	case <-e.closed: // by the queue's limit or by the time a write may take
	case <-time.After(20 * time.Second):
		t.Fatal("the session does not end")
	}
}

func TestSessionLimits(t *testing.T) {
	c := patient()
	c.MaxSessions, c.MaxSessionsPerIP = 3, 2
	c.ClientIP = func(r *http.Request) string { return r.URL.Query().Get("ip") }
	e := serve(t, c)
	open := func(ip string) (*engineiotest.Poller, int) {
		p := engineiotest.NewPoller(t, e.url, 4)
		p.More = "&ip=" + ip
		status, body := p.Get()
		if status == 200 {
			p.SID = engineiotest.ParseHandshake(t, body).SID
		}
		return p, status
	}
	first, _ := open("2001:db8::1") // and all of its /64
	for _, k := range []struct {
		ip     string
		status int
	}{{"2001:db8::2", 200}, {"2001:db8::3", 429}, {"192.0.2.1", 200}, {"192.0.2.1", 503}} {
		if _, status := open(k.ip); status != k.status {
			t.Errorf("a session of %s answered %d, want %d", k.ip, status, k.status)
		}
	}
	first.Send("1")
	if got := first.Poll(); got != "6" {
		t.Fatalf("got %q", got)
	}
	if _, status := open("2001:db8::4"); status != 200 {
		t.Errorf("after one left: %d", status)
	}
	if e.server.Len() != 3 {
		t.Errorf("%d sessions", e.server.Len())
	}
}

// Two POSTs of one session at a time would mix its messages.
func TestOverlappingPostEndsTheSession(t *testing.T) {
	e := serve(t, patient())
	p, _ := engineiotest.Open(t, e.url, 4)
	s := <-e.opened
	r, w := io.Pipe()
	first := make(chan error, 1)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	go func() {
		req, err := http.NewRequest("POST", p.URL(), r)
		if err == nil {
			var resp *http.Response
			if resp, err = tr.RoundTrip(req); err == nil {
				err = resp.Body.Close()
			}
		}
		first <- err
	}()
	engineiotest.Eventually(t, "the first POST has begun", func() bool { return engineio.Posts(s) })
	if status, _ := p.Post("4second"); status != 400 {
		t.Errorf("the second POST answered %d", status)
	}
	e.ended(engineio.TransportError)
	_, _ = io.WriteString(w, "4first")
	_ = w.Close()
	<-first
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.messages) != 0 {
		t.Errorf("heard %q", e.messages)
	}
}

// A POST whose body does not come ends, and the session with it.
func TestBodyThatDoesNotCome(t *testing.T) {
	c := patient()
	c.WriteTimeout = 50 * time.Millisecond
	e := serve(t, c)
	p, _ := engineiotest.Open(t, e.url, 4)
	r, w := io.Pipe()
	defer func() { _ = w.Close() }()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest("POST", p.URL(), r)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if resp, err := tr.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
		}
	}()
	e.ended(engineio.TransportError)
}

// The id of a session of revision 3 is public (Socket.IO 4 makes socket ids of
// it): it is of no use to another address. A phone may change its address with
// revision 4, whose ids are secrets.
func TestIDsOfRevision3AreNoKeys(t *testing.T) {
	c := patient()
	c.ClientIP = func(r *http.Request) string { return r.URL.Query().Get("ip") }
	e := serve(t, c)
	for eio, want := range map[int]int{3: 400, 4: 200} {
		p := engineiotest.NewPoller(t, e.url, eio)
		p.More = "&ip=a"
		_, body := p.Get()
		if eio == 3 {
			body = body[strings.Index(body, ":")+1:]
		}
		thief := engineiotest.NewPoller(t, e.url, eio)
		thief.SID, thief.More = engineiotest.ParseHandshake(t, body).SID, "&ip=b"
		message := "4hi"
		if eio == 3 {
			message = "3:4hi"
		}
		if status, said := thief.Post(message); status != want {
			t.Errorf("revision %d from another address: %d %s, want %d", eio, status, said, want)
		}
	}
}
