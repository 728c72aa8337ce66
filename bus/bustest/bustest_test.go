package bustest_test

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

func TestExpect(t *testing.T) {
	b := bustest.New(t)
	if err := bus.Publish(t.Context(), b, bus.StreamStarted{SID: "a", Session: "1"}); err != nil {
		t.Fatal(err)
	}
	next := bustest.Expect[bus.StreamStarted](t, b)
	if err := bus.Publish(t.Context(), b, bus.StreamStarted{SID: "b", Session: "1"}); err != nil {
		t.Fatal(err)
	}
	for _, sid := range []string{"a", "b"} {
		if ev := next(); ev.SID != sid {
			t.Fatalf("got %q, want %q", ev.SID, sid)
		}
	}
}

// Everything in files is there after a restart, and connections come back.
func TestRestart(t *testing.T) {
	srv := bustest.StartServer(t)
	b := srv.Connect(t)
	if _, err := b.UpdateStreamRecord(t.Context(), "a", func(l *bus.StreamRecord) error { l.State = bus.StateLive; return nil }); err != nil {
		t.Fatal(err)
	}
	srv.Restart(t)
	bustest.Eventually(t, "the record is read", func() bool {
		l, err := b.GetStreamRecord(t.Context(), "a")
		return err == nil && l.State == bus.StateLive
	})
}
