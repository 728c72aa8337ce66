package ingest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

// A stream's start is told once, however long it lasts: the bus knows what it
// was told for an hour only.
func TestFactsOfAState(t *testing.T) {
	const hours = 3 * 3600_000
	for _, c := range []struct {
		name string
		l    bus.StreamRecord
		want []string
	}{
		{"begins", bus.StreamRecord{State: bus.StateLive, Told: &bus.Told{}}, []string{"stream.started"}},
		{"begins after another session", bus.StreamRecord{State: bus.StateLive, Told: &bus.Told{Session: "before", State: bus.StateEnded}}, []string{"stream.started"}},
		{"is interrupted", bus.StreamRecord{State: bus.StateGrace, Told: &bus.Told{Session: "s", State: bus.StateLive}}, []string{"stream.interrupted"}},
		{"is interrupted, its start was not told", bus.StreamRecord{State: bus.StateGrace, Told: &bus.Told{}}, []string{"stream.started", "stream.interrupted"}},
		{"resumes", bus.StreamRecord{State: bus.StateLive, Epoch: 1, Told: &bus.Told{Session: "s", State: bus.StateGrace}}, []string{"stream.resumed"}},
		{"resumes, its start was not told", bus.StreamRecord{State: bus.StateLive, Epoch: 1, Told: &bus.Told{}}, []string{"stream.started", "stream.resumed"}},
		{"ends", bus.StreamRecord{State: bus.StateEnded, Told: &bus.Told{Session: "s", State: bus.StateGrace}}, []string{"stream.ended"}},
		{"of an older version ends", bus.StreamRecord{State: bus.StateEnded}, []string{"stream.ended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.l.SID, c.l.Session, c.l.StartedAt = "cam", "s", now()-hours
			var got []string
			for _, f := range oldFacts(&c.l) {
				ev, _ := f.Event()
				got = append(got, ev.Topic())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, not %v", got, c.want)
			}
		})
	}
}

// The worker that took a stream in has died: another one tells what it did not
// come to, be that hours ago, and nothing of what it did.
func TestUntoldFactsAreTold(t *testing.T) {
	t.Parallel()
	const hours = 3 * 3600_000
	b := bustest.New(t)
	begin := time.Now()
	put := func(sid string, told bus.Told) {
		if _, err := b.UpdateStreamRecord(t.Context(), sid, func(l *bus.StreamRecord) error {
			l.Name, l.App, l.State, l.Session, l.Ingest, l.Told = sid, "live", bus.StateLive, "s1", "nobody", &told
			l.StartedAt = now() - hours
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	put("told", bus.Told{Session: "s1", State: bus.StateLive})
	put("untold", bus.Told{})
	runWorker(t, b, nil, bustest.Log(t), func(c *Config) { c.Open, c.Grace = true, 0 })
	r := &rig{t: t, bus: b}
	for _, sid := range []string{"told", "untold"} {
		r.untilLive(sid, "told of", func(l *bus.StreamRecord) bool { return *l.Told == l.Now() && l.State == bus.StateEnded })
	}
	if err := bus.Publish(t.Context(), b, bus.StreamStarted{SID: "last"}); err != nil {
		t.Fatal(err)
	}
	var started []string
	_ = bus.Replay(t.Context(), b, begin, func(ev bus.StreamStarted) error {
		if started = append(started, ev.SID); ev.SID == "last" {
			return errStale // enough
		}
		return nil
	})
	if want := []string{"untold", "last"}; !slices.Equal(started, want) {
		t.Errorf("%v started, not %v", started, want)
	}
	for range 2 {
		bustest.Expect[bus.StreamInterrupted](t, b)()
		bustest.Expect[bus.StreamEnded](t, b)()
	}
}

// What is noted as told never goes back.
func TestToldGoesForward(t *testing.T) {
	at := bus.Told{Session: "s", Epoch: 1, State: bus.StateGrace}
	for _, c := range []struct {
		l    bus.StreamRecord
		want bool
	}{
		{bus.StreamRecord{Session: "s", Epoch: 1, State: bus.StateLive}, false},
		{bus.StreamRecord{Session: "s", Epoch: 1, State: bus.StateGrace}, false},
		{bus.StreamRecord{Session: "s", Epoch: 0, State: bus.StateEnded}, false},
		{bus.StreamRecord{Session: "s", Epoch: 1, State: bus.StateEnded}, true},
		{bus.StreamRecord{Session: "s", Epoch: 2, State: bus.StateLive}, true},
		{bus.StreamRecord{Session: "next", Epoch: 0, State: bus.StateLive}, true},
	} {
		if got := later(&c.l, &at); got != c.want {
			t.Errorf("%+v after %+v: %v", c.l.Now(), at, got)
		}
	}
}

// Wherever a worker is killed between a change of a stream's record and what is
// told of it, another one tells the rest, in order, each once.
func TestKilledBeforeItTold(t *testing.T) {
	t.Parallel()
	srv := bustest.StartServer(t)
	cfg := DefaultConfig()
	cfg.Listen, cfg.Open = "127.0.0.1:0", true
	dead, err := New(cfg, srv.Connect(t), nil, nil, bustest.Log(t)) // and does not run: it tells nothing
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		does func(sid string) error
		told []string
	}
	begin := func(key string) func(string) error {
		return func(sid string) error {
			_, _, _, err := dead.records.begin(t.Context(), claim{sid: sid, name: sid, app: "live", keyID: key}, &format{})
			return err
		}
	}
	turn := func(f func(*bus.StreamRecord) error) func(string) error {
		return func(sid string) error {
			l, err := dead.bus.GetStreamRecord(t.Context(), sid)
			if err != nil {
				return err
			}
			return f(l)
		}
	}
	pause := turn(func(l *bus.StreamRecord) error {
		return dead.records.pause(t.Context(), l, 0, now(), time.Minute, "the publisher's connection was lost")
	})
	finish := turn(func(l *bus.StreamRecord) error { return dead.records.finish(t.Context(), l) })
	life := []step{
		{begin("ann"), []string{"stream.started"}},
		{pause, []string{"stream.interrupted"}},
		{begin("ann"), []string{"stream.resumed"}},
		{begin("ann"), []string{"stream.interrupted", "stream.resumed"}}, // on another connection, before the end of that one was noted
		{pause, []string{"stream.interrupted"}},
		{finish, []string{"stream.ended"}},
		{begin("ann"), []string{"stream.started"}},
		{pause, []string{"stream.interrupted"}},
		{begin("bob"), []string{"stream.ended", "stream.started"}},
	}
	want := map[string][]string{}
	for n := range life {
		var told []string
		for _, s := range life[:n+1] {
			told = append(told, s.told...)
		}
		for k := range len(told) + 1 { // of which k were published, and not taken off
			sid := fmt.Sprintf("s%d-%d", n+1, k)
			for _, s := range life[:n+1] {
				if err := s.does(sid); err != nil {
					t.Fatal(err)
				}
			}
			l, err := dead.bus.GetStreamRecord(t.Context(), sid)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range l.Untold[:k] {
				ev, _ := f.Event()
				if err := bus.Publish(t.Context(), dead.bus, ev); err != nil {
					t.Fatal(err)
				}
			}
			want[sid] = slices.Clone(told)
			switch last := told[len(told)-1]; last {
			case "stream.started", "stream.resumed":
				want[sid] = append(want[sid], "stream.interrupted", "stream.ended")
			case "stream.interrupted":
				want[sid] = append(want[sid], "stream.ended")
			}
		}
	}
	b := srv.Connect(t)
	dead.bus.Close() // as a SIGKILL does
	r := &rig{t: t, bus: b}
	runWorker(t, b, nil, bustest.Log(t), func(c *Config) { c.Open, c.Grace = true, 0 })
	runWorker(t, srv.Connect(t), nil, bustest.Log(t), func(c *Config) { c.Open, c.Grace = true, 0 })
	for sid := range want {
		if _, err := b.UpdateStreamRecord(t.Context(), sid, func(l *bus.StreamRecord) error { l.Grace = 0; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for sid := range want {
		r.untilLive(sid, "told of", func(l *bus.StreamRecord) bool { return l.State == bus.StateEnded && len(l.Untold) == 0 })
	}
	got, ids := streamEvents(t, b)
	for sid, topics := range want {
		if !slices.Equal(got[sid], topics) {
			t.Errorf("%s: %v, not %v", sid, got[sid], topics)
		}
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

// streamEvents are the topics of the events of each stream, in order, and how often each id came.
func streamEvents(t *testing.T, b *bus.Bus) (topics map[string][]string, ids map[string]int) {
	t.Helper()
	topics, ids = map[string][]string{}, map[string]int{}
	if err := bus.Publish(t.Context(), b, bus.StreamStarted{SID: "last"}); err != nil {
		t.Fatal(err)
	}
	err := b.TailSince(t.Context(), "stream.>", time.Time{}, func(e bus.Envelope) error {
		if e.Subject == "last" {
			return errStale // enough
		}
		topics[e.Subject] = append(topics[e.Subject], e.Type)
		ids[e.ID]++
		return nil
	})
	if !errors.Is(err, errStale) {
		t.Fatal(err)
	}
	return topics, ids
}
