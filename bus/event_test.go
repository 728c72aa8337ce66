package bus

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/natstest"
)

func started(sid, session string) StreamStarted {
	return StreamStarted{SID: sid, Name: sid, App: "live", Session: session, StartedAt: 1}
}

// subscribed waits until a durable subscription is there: events count from then on.
func subscribed(t *testing.T, b *Bus, durable string) {
	t.Helper()
	natstest.Eventually(t, "subscription "+durable, func() bool {
		_, err := b.conn.JetStream().Consumer(t.Context(), logEvents, durable+"-stream_started")
		return err == nil
	})
}

// subscribe runs s until the test ends.
func runSubscription(t *testing.T, s *subscription) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	subscribed(t, s.b, s.durable)
}

// testSubscription is Subscribe with a quick back-off.
func testSubscription(b *Bus, f func(context.Context, StreamStarted) error) *subscription {
	return &subscription{
		b: b, durable: "t", topic: "stream.started", backOff: []time.Duration{time.Millisecond, 2 * time.Millisecond},
		handle: func(ctx context.Context, data []byte) error {
			ev, _, err := open[StreamStarted](data)
			if err != nil {
				return err
			}
			return f(ctx, ev)
		},
	}
}

func publish(t *testing.T, b *Bus, evs ...Event) {
	t.Helper()
	for _, ev := range evs {
		if err := Publish(t.Context(), b, ev); err != nil {
			t.Fatal(err)
		}
	}
}

// An event published twice comes once, to the subscriber of its type only.
func TestPublishSubscribe(t *testing.T) {
	b := testBus(t, testServer(t))
	got := make(chan StreamStarted, 10)
	envs := make(chan Envelope, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = Subscribe(ctx, b, "t", func(ctx context.Context, ev StreamStarted) error {
			envs <- EnvelopeOf(ctx)
			got <- ev
			return nil
		})
	}()
	subscribed(t, b, "t")
	one, two := started("a", "1"), started("a", "2")
	publish(t, b, one, one, StreamEnded{SID: "a", Session: "1"}, two)
	if ev := natstest.Within(t, got); ev != one {
		t.Fatalf("got %+v", ev)
	}
	if env := natstest.Within(t, envs); env.ID != "stream.started/a/1" || env.Type != "stream.started" || env.SpecVersion != "1.0" || env.Time.IsZero() {
		t.Fatalf("got %+v", env)
	}
	if ev := natstest.Within(t, got); ev != two {
		t.Fatalf("got %+v", ev)
	}
}

// What fails comes again before the next does; what fails for ever is kept
// as a dead letter and does not stop the rest.
func TestSubscribeRetriesThenBuries(t *testing.T) {
	b := testBus(t, testServer(t))
	var mu sync.Mutex
	var calls []string
	done := make(chan bool, 1)
	failed := map[string]int{"flaky": 1, "poison": 1000}
	runSubscription(t, testSubscription(b, func(_ context.Context, ev StreamStarted) error {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, ev.Session)
		if failed[ev.Session]--; failed[ev.Session] >= 0 {
			return errors.New("not today\nnor tomorrow")
		}
		if ev.Session == "last" {
			done <- true
		}
		return nil
	}))
	publish(t, b, started("a", "flaky"), started("a", "poison"), started("a", "last"))
	natstest.Within(t, done)
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"flaky", "flaky", "poison", "poison", "poison", "last"}; !slices.Equal(calls, want) {
		t.Fatalf("calls %v, want %v", calls, want)
	}
	var dead []Dead
	if err := b.EachDead(t.Context(), func(d Dead) error { dead = append(dead, d); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(dead) != 1 || dead[0].Durable != "t" || dead[0].Tries != 3 || dead[0].Error != "not today nor tomorrow" || dead[0].Event.ID != "stream.started/a/poison" {
		t.Fatalf("dead: %+v", dead)
	}
}

// What is no event is buried at once.
func TestSubscribeBuriesGarbage(t *testing.T) {
	b := testBus(t, testServer(t))
	got := make(chan StreamStarted, 1)
	runSubscription(t, testSubscription(b, func(_ context.Context, ev StreamStarted) error { got <- ev; return nil }))
	for _, garbage := range []string{``, `{`, `{"specversion":"0.3","type":"stream.started"}`, `{"specversion":"1.0","type":"stream.ended","data":{}}`, `{"specversion":"1.0","type":"stream.started","data":7}`} {
		if _, err := b.conn.JetStream().Publish(t.Context(), subjectEvents+"stream.started.a", []byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, started("a", "good"))
	if ev := natstest.Within(t, got); ev.Session != "good" {
		t.Fatalf("got %+v", ev)
	}
	n := 0
	if err := b.EachDead(t.Context(), func(Dead) error { n++; return nil }); err != nil || n != 5 {
		t.Fatal(n, err)
	}
}

// A subscriber that comes back goes on where it was.
func TestSubscribeIsDurable(t *testing.T) {
	b := testBus(t, testServer(t))
	got := make(chan string)
	f := func(_ context.Context, ev StreamStarted) error { got <- ev.Session; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { _ = testSubscription(b, f).run(ctx); ended <- true }()
	subscribed(t, b, "t")
	publish(t, b, started("a", "1"))
	if s := natstest.Within(t, got); s != "1" {
		t.Fatal(s)
	}
	natstest.Eventually(t, "the first is acked", func() bool {
		c, err := b.conn.JetStream().Consumer(t.Context(), logEvents, "t-stream_started")
		return err == nil && c.CachedInfo().AckFloor.Consumer == 1
	})
	cancel()
	natstest.Within(t, ended)
	publish(t, b, started("a", "2"))
	runSubscription(t, testSubscription(b, f))
	if s := natstest.Within(t, got); s != "2" {
		t.Fatal(s)
	}
}

func TestPublishRefuses(t *testing.T) {
	b := testBus(t, testServer(t))
	for _, sid := range []string{"", "a.b", "*", ">", "a b"} {
		if err := Publish(t.Context(), b, started(sid, "1")); !errors.Is(err, ErrBadEvent) {
			t.Errorf("resource %q: %v", sid, err)
		}
	}
}

func TestTailOfAnEmptyLog(t *testing.T) {
	b := testBus(t, testServer(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := b.Tail(ctx, "", func(Envelope) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestTail(t *testing.T) {
	b := testBus(t, testServer(t))
	publish(t, b, started("a", "before"))
	enough := errors.New("enough")
	got := make(chan Envelope, 10)
	end := make(chan error, 1)
	go func() {
		end <- b.Tail(t.Context(), "stream.*.b", func(env Envelope) error {
			got <- env
			if env.Type == "stream.ended" {
				return enough
			}
			return nil
		})
	}()
	var env Envelope
	natstest.Eventually(t, "an event comes", func() bool { // tailing has begun when one does
		publish(t, b, StreamInterrupted{SID: "b", Session: time.Now().String()})
		select {
		case env = <-got:
			return true
		default:
			return false
		}
	})
	if env.Subject != "b" || env.Type != "stream.interrupted" {
		t.Fatalf("%+v", env)
	}
	publish(t, b, started("a", "2"), StreamEnded{SID: "b", Session: "1"})
	if err := natstest.Within(t, end); !errors.Is(err, enough) {
		t.Fatal(err)
	}
}

// Whatever comes as an event, reading it gives an event or ErrBadEvent.
func FuzzOpen(f *testing.F) {
	for _, ev := range samples() {
		env, err := seal(ev, "test", time.Unix(0, 0))
		if err != nil {
			f.Fatal(err)
		}
		data, err := json.Marshal(env)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, env, err := open[SegmentReady](data)
		if err == nil && env.Type != ev.Topic() || err != nil && !errors.Is(err, ErrBadEvent) {
			t.Fatal(env, err)
		}
	})
}
