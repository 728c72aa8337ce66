package bus

import (
	"errors"
	"testing"

	"github.com/helios-h2020/pse/bus/event"
)

func started(sid, session string) StreamStarted {
	return StreamStarted{SID: sid, Name: sid, App: "live", Session: session, StartedAt: 1}
}

func publish(t *testing.T, b *Bus, evs ...Event) {
	t.Helper()
	for _, ev := range evs {
		if err := Publish(t.Context(), b, ev); err != nil {
			t.Fatal(err)
		}
	}
}

// opened reads an event out of its envelope.
func opened[E Event](data []byte) (ev E, err error) {
	env, err := event.Open(data)
	if err != nil {
		return ev, err
	}
	return event.Decode[E](env)
}

func TestPublishRefuses(t *testing.T) {
	b := testBus(t, testServer(t))
	for _, sid := range []string{"", "a.b", "*", ">", "a b"} {
		if err := Publish(t.Context(), b, started(sid, "1")); !errors.Is(err, ErrBadEvent) {
			t.Errorf("resource %q: %v", sid, err)
		}
	}
}
