package engineio_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// echo answers each message with itself, as the servers of the protocol's
// test suites do, and keeps what its sessions closed with.
type echo struct {
	t      *testing.T
	server *engineio.Server
	url    string
	opened chan *engineio.Session
	closed chan engineio.Reason

	mu       sync.Mutex // guards what follows
	messages []string
}

// config has the suites' numbers.
func config() engineio.Config {
	c := engineio.DefaultConfig()
	c.PingInterval, c.PingTimeout = 300*time.Millisecond, 200*time.Millisecond
	return c
}

// patient never pings while a test runs.
func patient() engineio.Config {
	c := config()
	c.PingInterval, c.PingTimeout = time.Minute, time.Minute
	return c
}

func serve(t *testing.T, c engineio.Config) *echo {
	t.Helper()
	engineiotest.NoLeaks(t)
	e := &echo{t: t, opened: make(chan *engineio.Session, 100), closed: make(chan engineio.Reason, 100)}
	c.Open = func(s *engineio.Session, _ *http.Request) engineio.Handler {
		e.opened <- s
		return &echoed{e, s}
	}
	var err error
	if e.server, err = engineio.NewServer(c); err != nil {
		t.Fatal(err)
	}
	e.url = engineiotest.Serve(t, e.server) + "/engine.io/"
	t.Cleanup(e.server.Close)
	return e
}

// ended waits for the end of a session.
func (e *echo) ended(want engineio.Reason) {
	e.t.Helper()
	select {
	case got := <-e.closed:
		if got != want {
			e.t.Fatalf("the session ended by %q, want %q", got, want)
		}
	case <-time.After(20 * time.Second):
		e.t.Fatalf("the session does not end by %q", want)
	}
}

// gone says that the client's session is unknown now.
func (e *echo) gone(p *engineiotest.Poller) {
	e.t.Helper()
	if status, body := p.Get(); status != http.StatusBadRequest || body != `{"code":1,"message":"Session ID unknown"}` {
		e.t.Fatalf("a poll of an ended session answered %d %s", status, body)
	}
}

type echoed struct {
	*echo
	s *engineio.Session
}

func (e *echoed) Message(binary bool, data []byte) {
	e.mu.Lock()
	e.messages = append(e.messages, string(data))
	e.mu.Unlock()
	p := engineio.Text(data)
	if binary {
		p = engineio.Binary(data)
	}
	_ = e.s.Send(p)
}

func (e *echoed) Close(r engineio.Reason) { e.closed <- r }
