package client_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/client"
)

// world is a bus, as workers have it, and an integrator on it.
type world struct {
	t   *testing.T
	bus *bus.Bus
	*client.Client
	url string
}

// onEachServer runs a test on the embedded server, and on an operator's that is
// configured as deploy/nats.conf says.
func onEachServer(t *testing.T, f func(w *world)) {
	t.Run("embedded", func(t *testing.T) {
		srv, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, bustest.Log(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Close)
		f(newWorld(t, bus.Options{Server: srv, Name: "test"}, srv.IntegratorURL()))
	})
	t.Run("operator's", func(t *testing.T) {
		operated := natstest.StartOperated(t, "../deploy")
		w := newWorld(t, bus.Options{URL: operated.Worker, Name: "test", Adjust: true, Logs: bus.LogConfig{Replicas: operated.Servers}}, operated.Integrator)
		f(w)
		for _, line := range operated.Violations() {
			t.Errorf("a server says: %s", line)
		}
	})
}

func newWorld(t *testing.T, o bus.Options, integrator string) *world {
	t.Helper()
	b, err := bus.Connect(t.Context(), o, bustest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, err := client.Connect(integrator, client.Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &world{t, b, c, integrator}
}

func (w *world) publish(evs ...event.Event) {
	w.t.Helper()
	for _, ev := range evs {
		if err := bus.Publish(w.t.Context(), w.bus, ev); err != nil {
			w.t.Fatal(err)
		}
	}
}

func started(sid, session string) event.StreamStarted {
	return event.StreamStarted{SID: sid, Name: sid, App: "live", Session: session, StartedAt: 1}
}

// run has a subscription be worked on until the test, or stop, ends it.
func run(t *testing.T, f func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

var quick = []time.Duration{time.Millisecond, 2 * time.Millisecond}

// Who comes reads what it asks for, from where it says: from the beginning, from a
// time, or from a number.
func TestWhereASubscriptionBegins(t *testing.T) {
	onEachServer(t, func(w *world) {
		w.publish(started("a", "1"), event.StreamEnded{SID: "a", Session: "1"})
		middle := time.Now()
		w.publish(started("a", "2"), started("b", "3"))
		var third uint64
		for _, c := range []struct {
			name string
			s    client.Subscription
			want []string
		}{
			{"all", client.Subscription{All: true}, []string{"stream.started/a/1", "stream.ended/a/1", "stream.started/a/2", "stream.started/b/3"}},
			{"time", client.Subscription{Since: middle}, []string{"stream.started/a/2", "stream.started/b/3"}},
			{"number", client.Subscription{}, []string{"stream.started/a/2", "stream.started/b/3"}},
			{"filters", client.Subscription{All: true, Filters: []string{"stream.started.a", "stream.ended.*"}}, []string{"stream.started/a/1", "stream.ended/a/1", "stream.started/a/2"}},
			{"durable", client.Subscription{Durable: "d", All: true}, []string{"stream.started/a/1", "stream.ended/a/1", "stream.started/a/2", "stream.started/b/3"}},
		} {
			if c.name == "number" {
				c.s.Sequence = third
			}
			got := make(chan client.Delivery, 10)
			stop := run(w.t, func(ctx context.Context) error {
				return w.Consume(ctx, c.s, func(_ context.Context, d client.Delivery) error { got <- d; return nil })
			})
			for i, want := range c.want {
				d := natstest.Within(w.t, got)
				if d.ID != want || d.Try != 1 {
					w.t.Errorf("%s: %s is number %d, not %s", c.name, d.ID, i, want)
				}
				if c.name == "all" && i == 2 {
					third = d.Sequence
				}
			}
			stop()
		}
	})
}

// An event that is published twice comes once; what fails comes again before the next
// does; what fails for ever, and what is no event, is kept as a dead letter, which the
// owner finds.
func TestTriesAndDeadLetters(t *testing.T) {
	onEachServer(t, func(w *world) {
		var mu sync.Mutex
		var calls, ids []string
		done := make(chan bool, 1)
		failed := map[string]int{"flaky": 1, "poison": 1000}
		w.publish(started("a", "flaky"), started("a", "flaky"), started("a", "poison"))
		w.publish(started("a", "last"))
		run(w.t, func(ctx context.Context) error {
			return client.Subscribe(ctx, w.Client, client.Subscription{Durable: "t", All: true, Pauses: quick}, func(ctx context.Context, ev event.StreamStarted) error {
				mu.Lock()
				defer mu.Unlock()
				calls, ids = append(calls, ev.Session), append(ids, client.EnvelopeOf(ctx).ID)
				if failed[ev.Session]--; failed[ev.Session] >= 0 {
					return errors.New("not today\nnor tomorrow")
				}
				if ev.Session == "last" {
					done <- true
				}
				return nil
			})
		})
		natstest.Within(w.t, done)
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"flaky", "flaky", "poison", "poison", "poison", "last"}; !slices.Equal(calls, want) {
			w.t.Fatalf("calls %v, want %v", calls, want)
		}
		if ids[0] != "stream.started/a/flaky" {
			w.t.Errorf("the envelope of the first is that of %s", ids[0])
		}
		dead := w.dead()
		if len(dead) != 1 || dead[0].Durable != "t" || dead[0].Tries != 3 || dead[0].Error != "not today nor tomorrow" || dead[0].Event.ID != "stream.started/a/poison" {
			w.t.Fatalf("dead: %+v", dead)
		}
	})
}

// A dead letter that PSE does not take yet is one later, with the reason of the last try.
func TestDeadLetterIsNotTakenAtOnce(t *testing.T) {
	s := bustest.StartServer(t)
	js := natstest.JetStream(t, s.URL())
	w := &world{t: t, bus: s.Connect(t)}
	w.Client = w.bus.Client(nil)
	log, err := js.Stream(t.Context(), "DEAD")
	if err != nil {
		t.Fatal(err)
	}
	limit := func(most int32) {
		cfg := log.CachedInfo().Config
		cfg.MaxMsgSize = most
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	limit(1)
	w.publish(started("a", "poison"), started("a", "last"))
	got := make(chan string, 100)
	run(t, func(ctx context.Context) error {
		return client.Subscribe(ctx, w.Client, client.Subscription{Durable: "t", All: true, Pauses: []time.Duration{time.Millisecond}}, func(_ context.Context, ev event.StreamStarted) error {
			got <- ev.Session
			if ev.Session == "poison" {
				return errors.New("it is no good")
			}
			return nil
		})
	})
	for _, want := range []string{"poison", "poison"} {
		if s := natstest.Within(t, got); s != want {
			t.Fatalf("got %s, not %s", s, want)
		}
	}
	limit(-1)
	if s := natstest.Within(t, got); s != "last" {
		t.Fatalf("got %s, not the last", s)
	}
	if dead := w.dead(); len(dead) != 1 || dead[0].Error != "it is no good" || dead[0].Tries != 2 {
		t.Errorf("dead: %+v", dead)
	}
}

func (w *world) dead() (all []bus.Dead) {
	w.t.Helper()
	if err := w.bus.EachDead(w.t.Context(), func(d bus.Dead) error { all = append(all, d); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// What is no event is buried at once.
func TestGarbageIsBuried(t *testing.T) {
	s := bustest.StartServer(t)
	js := natstest.JetStream(t, s.URL())
	b := s.Connect(t)
	w := &world{t: t, bus: b, Client: b.Client(nil)} // as PSE's own commands read
	for _, garbage := range []string{``, `{`, `{"specversion":"0.3","type":"stream.started"}`, `{"specversion":"1.0","type":"stream.ended","data":{}}`, `{"specversion":"1.0","type":"stream.started","data":7}`} {
		if _, err := js.Publish(t.Context(), event.SubjectEvents+"stream.started.a", []byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	w.publish(started("a", "good"))
	got := make(chan event.StreamStarted, 10)
	run(t, func(ctx context.Context) error {
		return client.Subscribe(ctx, w.Client, client.Subscription{Durable: "t", All: true}, func(_ context.Context, ev event.StreamStarted) error { got <- ev; return nil })
	})
	if ev := natstest.Within(t, got); ev.Session != "good" {
		t.Fatalf("got %+v", ev)
	}
	if n := len(w.dead()); n != 5 {
		t.Fatalf("%d are buried", n)
	}
}

// A durable place goes on where it was, with a program that comes back and with a bus
// that does; also what was in hand when the program went away comes again.
func TestDurable(t *testing.T) {
	s := bustest.StartServer(t)
	w := &world{t: t, bus: s.Connect(t)}
	w.Client = w.bus.Client(nil)
	got := make(chan string, 100)
	hold := make(chan struct{})
	sub := client.Subscription{Durable: "t", All: true}
	begin := func() (stop func()) {
		return run(t, func(ctx context.Context) error {
			return client.Subscribe(ctx, w.Client, sub, func(ctx context.Context, ev event.StreamStarted) error {
				if ev.Session == "held" {
					select {
					case <-hold:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				got <- ev.Session
				return nil
			})
		})
	}
	expect := func(want ...string) {
		t.Helper()
		for _, session := range want {
			if s := natstest.Within(t, got); s != session {
				t.Fatalf("got %s, not %s", s, session)
			}
		}
	}
	stop := begin()
	w.publish(started("a", "1"), started("a", "held"))
	expect("1")
	stop()
	w.publish(started("a", "2"))
	close(hold)
	begin()
	expect("held", "2")
	s.Restart(t)
	bustest.Eventually(t, "the bus", w.bus.Connected)
	for n := range 5 {
		w.publish(started("b", strconv.Itoa(n)))
	}
	expect("0", "1", "2", "3", "4")
	if err := errors.Join(w.Forget(t.Context(), "t"), w.Forget(t.Context(), "t")); err != nil {
		t.Error(err)
	}
}

// What a handler is done with stays done when its program stops at that moment.
func TestDoneWhileStopping(t *testing.T) {
	onEachServer(t, func(w *world) {
		sub := client.Subscription{Durable: "t", All: true}
		w.publish(started("a", "1"), started("a", "2"), started("a", "3"))
		for _, want := range []string{"1", "2", "3"} {
			ctx, stop := context.WithCancel(w.t.Context())
			err := client.Subscribe(ctx, w.Client, sub, func(_ context.Context, ev event.StreamStarted) error {
				if ev.Session != want {
					w.t.Errorf("got %s, not %s", ev.Session, want)
				}
				stop()
				return nil
			})
			if ctx.Err() == nil {
				w.t.Fatal(err)
			}
		}
	})
}

// What cannot be asked for is an error at once.
func TestWhatCannotBeAsked(t *testing.T) {
	w := &world{t: t, bus: bustest.New(t)}
	c := w.bus.Client(nil)
	for _, s := range []client.Subscription{
		{Durable: "a.b"},
		{Durable: "a/b"},
		{Durable: "a b"},
		{Filters: []string{"stream."}},
		{Filters: []string{""}},
		{Filters: []string{"stream.>", "stream.started.*"}}, // they overlap
	} {
		if err := c.Consume(t.Context(), s, func(context.Context, client.Delivery) error { return nil }); err == nil || t.Context().Err() != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// An integrator that answers a hook has a say; an error is no verdict.
func TestAnswer(t *testing.T) {
	onEachServer(t, func(w *world) {
		ask := func(name string) (event.Verdict, error) {
			return bus.AskHook(w.t.Context(), w.bus, event.PublishHook{Name: name}, bus.HookConfig{Timeout: bustest.Patience})
		}
		stop, err := client.Answer(w.Client, func(_ context.Context, h event.PublishHook) (event.Verdict, error) {
			switch h.Name {
			case "guest":
				return event.Verdict{Reason: "on weekends only"}, nil
			case "odd":
				return event.Verdict{}, errors.New("who is that?")
			}
			return event.Verdict{Allow: true}, nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
		bustest.Eventually(w.t, "all servers know that it answers", func() bool {
			v, _ := ask("owner")
			return !v.Unanswered()
		})
		if v, err := ask("owner"); !v.Allow || err != nil {
			w.t.Error(v, err)
		}
		if v, err := ask("guest"); v.Allow || v.Reason != "on weekends only" || err != nil {
			w.t.Error(v, err)
		}
		if v, err := ask("odd"); v.Allow || err == nil {
			w.t.Error(v, err)
		}
		stop()
		bustest.Eventually(w.t, "nobody answers", func() bool {
			v, _ := ask("guest")
			return v.Allow && v.Unanswered()
		})
	})
}
