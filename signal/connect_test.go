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

// Fresh connections, one after the other and many at once: each gets its
// CONNECT answer and then its welcome. One that waited for acceptTime
// on a starved machine is cut, and comes again as any client does. The long version
// is 24,000 of them.
func TestFreshConnections(t *testing.T) {
	t.Parallel()
	all, atOnce, tries := 600, 100, 3
	if os.Getenv("PSE_LONG") != "" {
		all, atOnce = 24_000, 500
	}
	w := newWorld(t, 2)
	// comes reports whether a client was not cut.
	comes := func(i, try int) bool {
		got := make(chan signaltest.Event, 10)
		o := signaltest.Options{
			URL: func() string { return w.workers[i%2].url }, Room: fmt.Sprintf("r%d_%d", i, try), Polling: i%4 == 0,
			Event: func(_ *signaltest.Client, e signaltest.Event) { got <- e },
		}
		if i%3 == 0 {
			o.Auth = modernAuth
		}
		c := signaltest.Join(context.Background(), o)
		defer c.Leave()
		for _, want := range []string{"connect", "created"} {
			select {
			case e := <-got:
				if e.Name != want {
					t.Errorf("connection %d: got %s %s, not %s", i, e.Name, e.Raw, want)
					return true
				}
			case <-c.Done():
				t.Logf("connection %d was cut: %v", i, c.State().Err)
				return false
			case <-time.After(bustest.Patience):
				t.Errorf("connection %d: not %s; %+v", i, want, c.State())
				return true
			}
		}
		return true
	}
	work := make(chan int)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range work {
				try := 0
				for ; try < tries && !comes(i, try); try++ {
				}
				if try == tries {
					t.Errorf("connection %d was cut %d times", i, tries)
				}
			}
		})
	}
	for i := range all {
		work <- i
	}
	close(work)
	wg.Wait()
	// Leaving goes on behind: as long as it goes on, that is right.
	for left := w.workers[0].rooms.presence.rooms(); left > 0; {
		before := left
		bustest.Eventually(t, "rooms are forgotten", func() bool {
			left = w.workers[0].rooms.presence.rooms()
			return left < before || left == 0
		})
	}
}
