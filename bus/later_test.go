package bus

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
)

// Events that were told while the bus was away are stored when it is back, in
// their order; those of the last moment before the end are too.
func TestLater(t *testing.T) {
	log := zaptest.NewLogger(t)
	dir := t.TempDir()
	srv, err := StartServer(ServerConfig{Dir: dir, Listen: "127.0.0.1:0"}, log)
	if err != nil {
		t.Fatal(err)
	}
	addr := srv.Addr()
	b, err := Connect(t.Context(), Options{URL: srv.URL(), Name: "test"}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l := NewLater(b)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var wg sync.WaitGroup
	wg.Go(func() { l.Run(ctx) })
	n := 0
	tell := func(many int) {
		for range many {
			if err := l.Tell(ctx, started("a", strconv.Itoa(n))); err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	tell(5)
	srv.Close()
	tell(5)
	if srv, err = StartServer(ServerConfig{Dir: dir, Listen: addr}, log); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	enough := errors.New("enough")
	expect := func() {
		t.Helper()
		next := 0
		natstest.Eventually(t, "all events are there", func() bool {
			next = 0
			read, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_ = Replay(read, b, time.Time{}, func(ev StreamStarted) error {
				if ev.Session != strconv.Itoa(next) {
					t.Errorf("event %d is that of session %s", next, ev.Session)
				}
				if next++; next == n {
					return enough
				}
				return nil
			})
			return next == n
		})
	}
	expect()
	tell(5)
	end()
	wg.Wait()
	expect()
}

// What cannot be queued is not waited for longer than the caller wants.
func TestLaterIsBounded(t *testing.T) {
	l := NewLater(testBus(t, testServer(t))) // and does not run
	for range laterMost {
		l.Offer(started("a", "1"))
	}
	l.Offer(started("a", "2"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Tell(ctx, started("a", "3")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := l.lost.Load(); n != 2 {
		t.Errorf("%d are counted as lost", n)
	}
}
