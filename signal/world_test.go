package signal

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/signal/signaltest"
)

const modernAuth = `{"v":2}`

// world is some workers on one bus.
type world struct {
	t       *testing.T
	server  *bustest.Server
	workers []*running
}

// running is a worker that runs.
type running struct {
	*Worker
	url  string
	stop func() // asks it to end, and waits
	die  func() // takes the bus from it, so that others see it dead, and ends it
}

func newWorld(t *testing.T, workers int, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, server: bustest.StartServer(t)}
	for range workers {
		w.start(change...)
	}
	return w
}

// start starts one more worker.
func (w *world) start(change ...func(*Config)) *running {
	w.t.Helper()
	cfg := DefaultConfig()
	cfg.JoinsPerMinute, cfg.MaxPerIP = 0, 0
	cfg.Grace, cfg.OldGrace = 4*time.Second, 0 // tests wait for byes
	for _, c := range change {
		c(&cfg)
	}
	b := w.server.Connect(w.t)
	links, err := access.NewLinks(w.t.Context(), b)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := New(cfg, b, links, bustest.Log(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.Routes(mux)
	h := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var once sync.Once
	end := func(killed bool) {
		once.Do(func() {
			if killed {
				s.bus.Close()
			}
			cancel()
			if err := <-ended; err != nil && !killed {
				w.t.Error(err)
			}
			h.Close()
		})
	}
	r := &running{s, h.URL, func() { end(false) }, func() { end(true) }}
	w.t.Cleanup(r.stop)
	bustest.Eventually(w.t, "the worker is ready", func() bool { return s.Ready() == nil })
	w.workers = append(w.workers, r)
	return r
}

// client is a member whose events a test reads.
type client struct {
	*signaltest.Client
	t      *testing.T
	events chan signaltest.Event
}

// join starts a client at a worker and waits until it is connected.
func (w *world) join(worker int, room, auth string, change ...func(*signaltest.Options)) *client {
	w.t.Helper()
	c := &client{t: w.t, events: make(chan signaltest.Event, 10000)}
	o := signaltest.Options{
		URL: func() string { return w.workers[worker].url }, Room: room, Auth: auth,
		Event: func(_ *signaltest.Client, e signaltest.Event) { c.events <- e },
	}
	for _, f := range change {
		f(&o)
	}
	c.Client = signaltest.Join(context.Background(), o)
	w.t.Cleanup(c.Close)
	c.next("connect", "connect_error")
	return c
}

// next is the next event, which is one of these.
func (c *client) next(names ...string) signaltest.Event {
	c.t.Helper()
	select {
	case e := <-c.events:
		for _, n := range names {
			if n == e.Name {
				return e
			}
		}
		c.t.Fatalf("got %s %s, want %v", e.Name, e.Raw, names)
	case <-time.After(bustest.Patience):
		c.t.Fatalf("no %v in %s; state %+v", names, bustest.Patience, c.State())
	}
	panic("unreachable")
}

// expect reads events that look so: name and arguments as one JSON array.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		var name string
		var all []json.RawMessage
		if err := json.Unmarshal([]byte(w), &all); err != nil {
			c.t.Fatal(w, err)
		}
		_ = json.Unmarshal(all[0], &name)
		e := c.next(name)
		parts := []string{string(quote(e.Name))}
		for _, a := range e.Args {
			parts = append(parts, string(a))
		}
		if got := "[" + strings.Join(parts, ",") + "]"; got != w {
			c.t.Fatalf("got %s, want %s", got, w)
		}
	}
}

// say sends a message and waits until it is acknowledged.
func (c *client) say(payload, to string, id ...string) {
	c.t.Helper()
	acked := make(chan struct{})
	args := []string{`"message"`, payload, string(quote(to))}
	for _, i := range id {
		args = append(args, string(quote(i)))
	}
	if err := c.Emit(func() { close(acked) }, args...); err != nil {
		c.t.Fatal(err)
	}
	select {
	case <-acked:
	case <-time.After(bustest.Patience):
		c.t.Fatal("not acknowledged")
	}
}

func (c *client) sid() string { return c.State().SID }
