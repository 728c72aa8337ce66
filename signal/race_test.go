package signal

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// Many clients race for the rooms of 6 over three workers, more than there are
// places for: never a seventh, never fewer than could be. 1,000 in the long run:
// a client that waits for acceptTime on a busy machine is cut, and does not come again.
func TestRacingJoins(t *testing.T) {
	clients, rooms := 200, 24
	if os.Getenv("PSE_LONG") != "" {
		clients, rooms = 1000, 120
	}
	w := newWorld(t, 3)
	var mu sync.Mutex
	in, full := map[string]int{}, map[string]int{}
	answered := make(chan struct{}, clients)
	var all []*signaltest.Client
	for i := range clients {
		room := fmt.Sprintf("r%d", i%rooms)
		all = append(all, signaltest.Join(context.Background(), signaltest.Options{
			URL: func() string { return w.workers[i%3].url }, Room: room, Auth: []string{"", modernAuth}[i/3%2],
			Event: func(_ *signaltest.Client, e signaltest.Event) {
				mu.Lock()
				defer mu.Unlock()
				switch e.Name {
				case "created", "joined":
					in[room]++
				case "full":
					full[room]++
				default:
					return
				}
				answered <- struct{}{}
			},
		}))
	}
	t.Cleanup(func() {
		for _, c := range all {
			c.Close()
		}
	})
	for i := range clients {
		select {
		case <-answered:
		case <-time.After(bustest.Patience):
			t.Fatalf("%d of %d clients have an answer", i, clients)
		}
	}
	for room, n := range in {
		r, err := w.workers[0].bus.GetRoom(t.Context(), room)
		if err != nil {
			t.Fatal(err)
		}
		if n != 6 || len(r.Present()) != 6 || full[room] != clients/rooms-6 && full[room] != clients/rooms-6+1 {
			t.Errorf("%s has %d, %d in the record, and had no place for %d", room, n, len(r.Present()), full[room])
		}
	}
	if len(in) != rooms {
		t.Errorf("%d rooms", len(in))
	}
}
