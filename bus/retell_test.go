package bus

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/bus/natstest"
)

// A fact is told again once, also when the log of events does not know any more
// by itself that it has it.
func TestRetell(t *testing.T) {
	b := testBus(t, testServer(t))
	s, err := b.conn.JetStream().Stream(t.Context(), logEvents)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Duplicates = 100 * time.Millisecond
	if _, err := b.conn.JetStream().UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	// forgotten waits until the log has forgotten what it was given.
	forgotten := func(probe string) {
		t.Helper()
		publish(t, b, StreamEnded{SID: "probe", Session: probe})
		first, err := conn.Last(t.Context(), b.conn, logEvents, event.SubjectEvents+"stream.ended.probe")
		if err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, "the log forgets", func() bool {
			publish(t, b, StreamEnded{SID: "probe", Session: probe})
			m, err := conn.Last(t.Context(), b.conn, logEvents, event.SubjectEvents+"stream.ended.probe")
			return err == nil && m.Sequence > first.Sequence
		})
	}
	long := time.Now().Add(-2 * time.Hour)
	publish(t, b, started("a", "1"), started("a", "2"), started("b", "1"), StreamEnded{SID: "a", Session: "3"})
	forgotten("1")
	for i := range 2 {
		for _, session := range []string{"1", "2", "3", "4"} {
			if err := retell(t.Context(), b, started("a", session), long); err != nil {
				t.Fatal(err)
			}
		}
		forgotten(strconv.Itoa(i + 2))
	}
	publish(t, b, started("a", "last"))
	var got []string
	_ = Replay(t.Context(), b, time.Time{}, func(ev StreamStarted) error {
		if got = append(got, ev.SID+ev.Session); ev.Session == "last" {
			return ErrClosed // enough
		}
		return nil
	})
	if want := []string{"a1", "a2", "b1", "a3", "a4", "alast"}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}
