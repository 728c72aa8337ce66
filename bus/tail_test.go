package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/natstest"
)

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
