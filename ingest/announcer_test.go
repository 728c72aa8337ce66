package ingest

import (
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
		l    bus.Live
		want []string
	}{
		{"begins", bus.Live{State: bus.StateLive, Told: &bus.Told{}}, []string{"stream.started"}},
		{"begins after another session", bus.Live{State: bus.StateLive, Told: &bus.Told{Session: "before", State: bus.StateEnded}}, []string{"stream.started"}},
		{"is interrupted", bus.Live{State: bus.StateGrace, Told: &bus.Told{Session: "s", State: bus.StateLive}}, []string{"stream.interrupted"}},
		{"is interrupted, its start was not told", bus.Live{State: bus.StateGrace, Told: &bus.Told{}}, []string{"stream.started", "stream.interrupted"}},
		{"resumes", bus.Live{State: bus.StateLive, Epoch: 1, Told: &bus.Told{Session: "s", State: bus.StateGrace}}, []string{"stream.resumed"}},
		{"resumes, its start was not told", bus.Live{State: bus.StateLive, Epoch: 1, Told: &bus.Told{}}, []string{"stream.started", "stream.resumed"}},
		{"ends", bus.Live{State: bus.StateEnded, Told: &bus.Told{Session: "s", State: bus.StateGrace}}, []string{"stream.ended"}},
		{"of an older version ends", bus.Live{State: bus.StateEnded}, []string{"stream.ended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.l.SID, c.l.Session, c.l.StartedAt = "cam", "s", now()-hours
			var got []string
			for _, ev := range facts(&c.l) {
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
	const hours = 3 * 3600_000
	b := bustest.New(t)
	begin := time.Now()
	put := func(sid string, told bus.Told) {
		if _, err := b.UpdateLive(t.Context(), sid, func(l *bus.Live) error {
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
		r.untilLive(sid, "told of", func(l *bus.Live) bool { return *l.Told == l.Now() && l.State == bus.StateEnded })
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
		l    bus.Live
		want bool
	}{
		{bus.Live{Session: "s", Epoch: 1, State: bus.StateLive}, false},
		{bus.Live{Session: "s", Epoch: 1, State: bus.StateGrace}, false},
		{bus.Live{Session: "s", Epoch: 0, State: bus.StateEnded}, false},
		{bus.Live{Session: "s", Epoch: 1, State: bus.StateEnded}, true},
		{bus.Live{Session: "s", Epoch: 2, State: bus.StateLive}, true},
		{bus.Live{Session: "next", Epoch: 0, State: bus.StateLive}, true},
	} {
		if got := later(&c.l, &at); got != c.want {
			t.Errorf("%+v after %+v: %v", c.l.Now(), at, got)
		}
	}
}
