package engineio_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
)

// cluster is workers that reach each other, as over a bus.
type cluster struct {
	mu      sync.Mutex // guards what follows
	servers map[string]*engineio.Server
	carried int
}

func (c *cluster) owner(token string) (*engineio.Server, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried++
	if s := c.servers[token]; s != nil {
		return s, nil
	}
	return nil, engineio.ErrNoOwner
}

func (c *cluster) Request(ctx context.Context, owner string, r *engineio.Request) (*engineio.Response, error) {
	s, err := c.owner(owner)
	if err != nil {
		return nil, err
	}
	return s.Serve(ctx, r), nil
}

func (c *cluster) Dial(_ context.Context, owner string, r *engineio.Request) (engineio.Link, error) {
	s, err := c.owner(owner)
	if err != nil {
		return nil, err
	}
	here, there := pair()
	s.ServeLink(r, there)
	return here, nil
}

// end is one end of a link in memory.
type end struct {
	in, out chan frame
	both    *both
}

type frame struct {
	binary bool
	data   []byte
}

// both is what the ends share.
type both struct {
	once sync.Once
	done chan struct{}
}

func pair() (a, b *end) {
	x, y := make(chan frame, 100), make(chan frame, 100)
	d := &both{done: make(chan struct{})}
	return &end{x, y, d}, &end{y, x, d}
}

func (e *end) Send(binary bool, b []byte) error {
	select {
	case e.out <- frame{binary, append([]byte(nil), b...)}:
		return nil
	case <-e.both.done:
		return engineio.ErrClosed
	}
}

func (e *end) Receive() (bool, []byte, error) {
	select {
	case f := <-e.in:
		return f.binary, f.data, nil
	case <-e.both.done:
	}
	select { // what was sent before the end
	case f := <-e.in:
		return f.binary, f.data, nil
	default:
		return false, nil, engineio.ErrClosed
	}
}

func (e *end) Close() { e.both.once.Do(func() { close(e.both.done) }) }

// workers starts n servers of a cluster behind a balancer that knows no
// sessions: requests go round.
func workers(t *testing.T, n int) (c *cluster, all []*echo, url string) {
	t.Helper()
	c = &cluster{servers: map[string]*engineio.Server{}}
	for i := range n {
		cfg := patient()
		cfg.Token = fmt.Sprintf("w%d", i)
		cfg.Forward = c
		e := serve(t, cfg)
		c.servers[cfg.Token] = e.server
		all = append(all, e)
	}
	var mu sync.Mutex
	next := 0
	balancer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		e := all[next%n]
		next++
		mu.Unlock()
		e.server.ServeHTTP(w, r)
	}))
	t.Cleanup(balancer.Close)
	return c, all, balancer.URL + "/engine.io/"
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
	if c.carried < 6 {
		t.Errorf("%d requests carried", c.carried)
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
