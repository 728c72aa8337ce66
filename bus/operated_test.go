package bus

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/internal/sleep"
)

// All that workers do with the bus they may do with the permissions of
// deploy/nats.conf.
func TestWorkersOnAnOperatorsBus(t *testing.T) {
	operated := natstest.StartOperated(t, "../deploy")
	at, n := operated.Worker, operated.Servers
	o := Options{URL: at, Name: "test", Adjust: true, Logs: LogConfig{Replicas: n, Given: Given{Replicas: true}}}
	one, two := testConnect(t, o), testConnect(t, o)
	works(t, one)
	for name, check := range map[string]func(*testing.T, *Bus, *Bus){
		"logs": useLogs, "records": useRecords, "events": useEvents, "words": useWords,
		"lease after a release": releasedLeaseConflicts, "forgotten stream": forgetConflicts, "key": keyConflicts, "secret": secretConflicts, "rotated keys": rotationConflicts,
	} {
		t.Run(name, func(t *testing.T) { check(t, one, two) })
	}
	t.Run("settings", func(t *testing.T) {
		b, said := restarted(t, at, LogConfig{DVR: 4 * time.Minute, Given: Given{DVR: true}})
		if c := configOf(t, b, logHLS); c.MaxAge != PartsAge(4*time.Minute) {
			t.Errorf("%s: %s", c.MaxAge, text(said))
		}
	})
	one.Close()
	two.Close()
	for _, line := range operated.Violations() {
		t.Errorf("a server says: %s", line)
	}
}

// useLogs uses what works does not of the logs of media, parts and calls.
func useLogs(t *testing.T, one, two *Bus) {
	seq, err := one.PublishChunk(t.Context(), &Chunk{SID: "m", Tags: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	media, err := two.FollowMedia(t.Context(), "m", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Stop()
	if c, err := media.Next(t.Context()); err != nil || c.Seq != seq {
		t.Error(c, err)
	}
	natstest.Eventually(t, "the chunk can be read", func() bool { _, err := two.GetChunk(t.Context(), seq); return err == nil })
	if err := one.PutPoster(t.Context(), "m", "large", []byte("jpeg")); err != nil {
		t.Error(err)
	}
	natstest.Eventually(t, "the poster can be read", func() bool { _, _, err := two.Poster(t.Context(), "m", "large"); return err == nil })
	if _, err := one.PublishPart(t.Context(), &Part{SID: "m", Rendition: "720p", Data: []byte("x")}, 0); err != nil {
		t.Error(err)
	}
	if names, err := one.Renditions(t.Context(), "m"); err != nil || len(names) != 1 {
		t.Error(names, err)
	}
	natstest.Eventually(t, "a sign of life is there", func() bool { _, err := two.LastStored(t.Context(), "m"); return err == nil })
	if err := one.PublishSignals(t.Context(), 1, []byte{}); err != nil {
		t.Error(err)
	}
	calls, err := two.FollowSignals(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer calls.Stop()
	if _, _, _, err := calls.Next(t.Context()); err != nil && !errors.Is(err, ErrBadSignals) {
		t.Error(err)
	}
}

// useRecords uses what recordConflicts and others do not of the buckets.
func useRecords(t *testing.T, one, two *Bus) {
	recordConflicts(t, one, two)
	if _, err := one.UpdateRoom(t.Context(), "r", func(r *Room) error { r.Members = nil; return nil }); err != nil {
		t.Error(err)
	}
	if all, err := two.StreamRecords(t.Context()); err != nil || len(all) == 0 && all == nil {
		t.Error(all, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := two.WatchRooms(ctx, func(*Room) {}, cancel); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := one.CreateKey(t.Context(), Key{ID: "listed"}); err != nil {
		t.Error(err)
	}
	natstest.Eventually(t, "the key is listed", func() bool { keys, err := two.Keys(t.Context()); return err == nil && len(keys) == 1 })
	natstest.Eventually(t, "it is deleted", func() bool { return two.DeleteKey(t.Context(), "listed") == nil })
	if _, made, err := one.FirstKey(t.Context(), func(Key) bool { return true }, func() Key { return Key{ID: "first"} }); err != nil || !made {
		t.Error(made, err)
	}

	r := one.NewRelays()
	r.Open = []RelayClosed{{User: "ann"}}
	if err := one.KeepRelays(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "the relay's record is listed", func() bool { all, err := two.RelayRecords(t.Context()); return err == nil && len(all) == 1 })
	lost, err := two.ClaimRelays(t.Context(), r.Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := two.ForgetRelays(t.Context(), lost); err != nil {
		t.Error(err)
	}
}

// useEvents publishes, subscribes, gives up and reads again.
func useEvents(t *testing.T, one, two *Bus) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	handled, ended := make(chan string, 100), make(chan error, 1)
	go func() {
		ended <- client.Subscribe(ctx, two.Client(nil), client.Subscription{Durable: "d", Pauses: []time.Duration{}}, func(_ context.Context, ev StreamStarted) error {
			if handled <- ev.Session; ev.Session == "bad" {
				return errors.New("no")
			}
			return nil
		})
	}()
	early := 0
	natstest.Eventually(t, "it begins", func() bool { // on several servers some time after the consumer is there
		early++
		publish(t, one, started("e", fmt.Sprint("early", early)))
		sleep.For(t.Context(), 20*time.Millisecond)
		return len(handled) > 0
	})
	publish(t, one, started("e", "good"), started("e", "bad"))
	for got := natstest.Within(t, handled); got != fmt.Sprint("early", early); got = natstest.Within(t, handled) {
		continue
	}
	for _, want := range []string{"good", "bad"} {
		if got := natstest.Within(t, handled); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	natstest.Eventually(t, "a dead letter is there", func() bool {
		dead := 0
		err := one.EachDead(t.Context(), func(Dead) error { dead++; return nil })
		return err == nil && dead == 1
	})
	cancel()
	<-ended
	if err := two.Client(nil).Forget(t.Context(), "d"); err != nil {
		t.Error(err)
	}
	if err := retell(t.Context(), one, started("e", "good"), time.Now().Add(-2*time.Hour)); err != nil {
		t.Error(err)
	}
	enough := errors.New("enough")
	if err := Replay(t.Context(), one, time.Time{}, func(StreamStarted) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// useWords asks and tells what is not stored.
func useWords(t *testing.T, one, two *Bus) {
	stop, err := one.ServeDirect("echo", func(_ context.Context, q Direct) []byte { return q.Data })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if got, err := two.RequestDirect(t.Context(), one.ID(), "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	there := make(chan *Pipe, 1)
	stopDial, err := one.ServeDirect("dial", func(_ context.Context, q Direct) []byte { there <- q.Pipe; return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer stopDial()
	p, err := two.DialDirect(t.Context(), one.ID(), "dial", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Send(false, []byte("y")); err != nil {
		t.Error(err)
	}
	if _, data, err := (<-there).Receive(); err != nil || string(data) != "y" {
		t.Errorf("%q, %v", data, err)
	}
	stopServe, err := one.Serve("calc", "1.2.3", Handle("same", func(_ context.Context, n int) (int, error) { return n, nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer stopServe()
	if n, err := request[int](t.Context(), two.conn, "calc", "same", 4); err != nil || n != 4 {
		t.Error(n, err)
	}
	if all, err := two.Discover(t.Context()); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
	natstest.Eventually(t, "the connection has held so long that it asks", func() bool { return !two.Alive(t.Context(), "nobody") })
	if !two.Alive(t.Context(), one.ID()) {
		t.Error("it is not alive")
	}
	told := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = two.WatchViewers(ctx, func(edge string, _ map[string]int) { told <- "viewers" }) }()
	go func() { _ = two.WatchGuesses(ctx, func(Guess) { told <- "guess" }) }()
	seen := map[string]bool{}
	natstest.Eventually(t, "viewers and guesses are told", func() bool {
		if err := errors.Join(one.BroadcastViewers(map[string]int{"a": 1}), one.BroadcastGuess(Guess{}), PublishHint(one, started("a", "1"))); err != nil {
			t.Fatal(err)
		}
		for len(told) > 0 {
			seen[<-told] = true
		}
		return len(seen) == 2
	})
	if v, err := AskHook(t.Context(), one, PublishHook{Name: "a"}, HookConfig{Timeout: patience}); err != nil || !v.Unanswered() {
		t.Errorf("a hook that nobody answers: %+v, %v", v, err)
	}
}
