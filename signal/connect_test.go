package signal

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// Fresh connections, one after the other and many at once: each gets its
// CONNECT answer and its welcome. The long version is 24,000 of them.
func TestFreshConnections(t *testing.T) {
	t.Parallel()
	all, atOnce := 600, 100
	if os.Getenv("PSE_LONG") != "" {
		all, atOnce = 24_000, 500
	}
	w := newWorld(t, 2)
	work := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	connected, welcomed := 0, 0
	for range atOnce {
		wg.Go(func() {
			for i := range work {
				welcome := make(chan struct{})
				o := signaltest.Options{
					URL: func() string { return w.workers[i%2].url }, Room: "r" + strconv.Itoa(i), Polling: i%4 == 0,
					Event: func(_ *signaltest.Client, e signaltest.Event) {
						mu.Lock()
						defer mu.Unlock()
						switch e.Name {
						case "connect":
							connected++
						case "created":
							welcomed++
							close(welcome)
						default:
							t.Errorf("%d got %s %s", i, e.Name, e.Raw)
						}
					},
				}
				if i%3 == 0 {
					o.Auth = modernAuth
				}
				c := signaltest.Join(context.Background(), o)
				select {
				case <-welcome:
				case <-time.After(bustest.Patience):
					t.Errorf("connection %d: no welcome; %+v", i, c.State())
				}
				c.Leave()
			}
		})
	}
	for i := range all {
		work <- i
	}
	close(work)
	wg.Wait()
	if connected != all || welcomed != all {
		t.Errorf("%d of %d connected, %d welcomed", connected, all, welcomed)
	}
	// Leaving goes on behind: as long as it goes on, that is right.
	for left := w.workers[0].rooms.presence.rooms(); left > 0; {
		before := left
		bustest.Eventually(t, "rooms are forgotten", func() bool {
			left = w.workers[0].rooms.presence.rooms()
			return left < before || left == 0
		})
	}
}
