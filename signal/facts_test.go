package signal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

// All who are in a room leave it at once, on several workers: that the call
// ended is told once, after all who left it.
func TestCallEndsAfterTheLastLeft(t *testing.T) {
	w := newWorld(t, 3)
	events := make(chan bus.Envelope, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	var tail sync.WaitGroup
	t.Cleanup(func() { cancel(); tail.Wait() }) // before the bus ends
	tail.Go(func() {
		err := w.workers[0].bus.Tail(ctx, "call.>", func(e bus.Envelope) error {
			events <- e
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	const rooms, members = 5, 4
	for i := range rooms {
		room := fmt.Sprint("r", i)
		var all []*client
		for j := range members {
			all = append(all, w.join(j%3, room, ""))
		}
		bustest.Eventually(t, "all are in the room", func() bool {
			r, err := w.workers[0].bus.GetRoom(ctx, room)
			return err == nil && len(r.Present()) == members
		})
		for _, c := range all {
			go c.Leave()
		}
		left, last, ended := 0, int64(0), int64(0)
		for ended == 0 {
			select {
			case e := <-events:
				var times struct {
					Left  int64 `json:"left_at"`
					Ended int64 `json:"ended_at"`
				}
				if err := json.Unmarshal(e.Data, &times); err != nil {
					t.Fatal(err)
				}
				switch e.Type {
				case bus.CallLeft{}.Topic():
					left, last = left+1, max(last, times.Left)
				case bus.CallEnded{}.Topic():
					ended = times.Ended
				}
			case <-time.After(bustest.Patience):
				t.Fatal("the call did not end")
			}
		}
		if left != members {
			t.Fatalf("the call is told to have ended after %d of %d left", left, members)
		}
		if ended < last-1000 || ended > last {
			t.Errorf("it is told to have ended at %d, and the last to have left at %d", ended, last)
		}
	}
}

// A member joins a call whose first member's worker has not told yet that it
// started, and may be dead: that is told before.
func TestStartedIsToldBeforeJoined(t *testing.T) {
	b := bustest.New(t)
	events := bus.NewOutbox(b, nil, bustest.Log(t))
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Patience)
	var wg sync.WaitGroup
	wg.Go(func() { events.Run(ctx) })
	now := time.Now().UnixMilli()
	second := bus.Member{SID: "bob", Worker: b.ID(), Joined: now}
	r := &bus.Room{Name: "kitchen", Call: "c1", Started: now - 10, Members: []bus.Member{{SID: "ann", Worker: "dead", Joined: now - 10}, second}}
	f := facts{overBus{b, events}}
	if err := f.joined(ctx, r, second); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var got []string
	err := b.TailSince(ctx, "call.>", time.Time{}, func(e bus.Envelope) error {
		if got = append(got, e.Type); len(got) == 2 {
			return enough
		}
		return nil
	})
	if want := "[call.started call.joined]"; !errors.Is(err, enough) || fmt.Sprint(got) != want {
		t.Errorf("%v, not %s: %v", got, want, err)
	}
	cancel()
	wg.Wait()
}
