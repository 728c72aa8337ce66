package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/bus/server"
	"github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/internal/sleep"
)

func figures(ds []time.Duration) string {
	if len(ds) == 0 {
		return "none"
	}
	ds = slices.Sorted(slices.Values(ds))
	return fmt.Sprintf("%d times: min %d, median %d, max %d ms", len(ds), ds[0].Milliseconds(), ds[len(ds)/2].Milliseconds(), ds[len(ds)-1].Milliseconds())
}

// A holder that is killed is replaced, twenty times over.
func TestLeaseSurvivesKills(t *testing.T) {
	t.Parallel()
	srv := testServer(t)
	testBus(t, srv) // makes the logs
	type word struct {
		who  *child
		text string
		at   time.Time
	}
	words := make(chan word, 100)
	start := func() *child {
		c := startChild(t, "holder", envURL+"="+srv.URL())
		go func() {
			for line := range c.lines {
				words <- word{c, line, time.Now()}
			}
		}()
		return c
	}
	start()
	start()
	var holder *child
	var took []time.Duration
	var killed time.Time
	ready := 0
	for len(took) < 20 {
		w := natstest.Within(t, words)
		switch w.text {
		case "ready":
			ready++
		case "acquired":
			holder = w.who
			if !killed.IsZero() {
				took = append(took, w.at.Sub(killed))
			}
		case "lost": // this machine was too busy for renewals
			if w.who == holder {
				holder, killed = nil, time.Time{}
			}
		default:
			t.Fatalf("a holder said %q", w.text)
		}
		if holder != nil && ready == 2 { // the other would notice
			killed = time.Now()
			holder.kill()
			holder, ready = nil, 1
			start()
		}
	}
	t.Logf("lease taken over after a SIGKILL, %s", figures(took))
}

// The server is killed over and over. Every part that was acked is in the
// log and is read once, in order; media goes on; records and watches too.
func TestLogsSurviveKillsOfTheServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	srv := startReborn(t)
	connect := func() *Bus {
		b, err := Connect(ctx, Options{URL: srv.address, Name: "test"}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		return b
	}
	writer, reader := connect(), connect()

	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var parts, read, chunks, heard, seen atomic.Uint64 // how many acked and read so far
	wg.Go(func() {                                     // parts: one by one, each until it is acked
		var after uint64
		for n := uint64(0); ctx.Err() == nil; {
			seq, err := writer.PublishPart(ctx, &Part{SID: "a", Rendition: "720p", MSN: n / 10, Index: int(n % 10), Data: fmt.Appendf(nil, "part %d", n)}, after)
			switch {
			case err == nil:
				after, n = seq, n+1
				parts.Store(n)
			case err != nil && !errors.Is(err, ErrFenced):
				if !errors.Is(err, ErrAway) && ctx.Err() == nil {
					t.Errorf("part %d: %v", n, err)
				}
			case errors.Is(err, ErrFenced):
				t.Errorf("part %d: %v", n, err)
				return
			}
			sleep.For(ctx, 2*time.Millisecond)
		}
	})
	wg.Go(func() { // media: likewise
		for n := uint64(0); ctx.Err() == nil; {
			if _, err := writer.PublishChunk(ctx, &Chunk{SID: "a", N: n}); err == nil {
				n++
				chunks.Store(n)
			}
			sleep.For(ctx, 2*time.Millisecond)
		}
	})
	wg.Go(func() {
		r, err := reader.FollowParts(ctx, "a", 0, false)
		if err != nil {
			t.Errorf("follow parts: %v", err)
			return
		}
		defer r.Stop()
		for n := uint64(0); ; n++ {
			p, _, err := r.Next(ctx)
			if err != nil {
				return
			}
			if p.MSN != n/10 || p.Index != int(n%10) {
				t.Errorf("read part %d.%d, want %d", p.MSN, p.Index, n)
				return
			}
			read.Store(n + 1)
		}
	})
	wg.Go(func() {
		r, err := reader.FollowMedia(ctx, "a", 0)
		if err != nil {
			t.Errorf("follow media: %v", err)
			return
		}
		defer r.Stop()
		for last := int64(-1); ; {
			c, err := r.Next(ctx)
			if err != nil {
				return
			}
			if int64(c.N) <= last {
				continue // an ack was lost with the server and its memory of message ids
			}
			last = int64(c.N)
			heard.Store(c.N + 1)
		}
	})
	wg.Go(func() {
		_ = reader.WatchStreamRecords(ctx, func(l *StreamRecord) { seen.Store(l.NextMSN) })
	})

	var acked, delivered, media, watched []time.Duration
	for kill := range uint64(8) {
		// Some happens, then the server dies, then everything goes on.
		until := parts.Load() + 50
		natstest.Eventually(t, "parts are published", func() bool { return parts.Load() >= until })
		srv.kill()
		start := time.Now()
		p, r, m := parts.Load(), read.Load(), chunks.Load()
		srv.again(t)
		srv.says(t, "ready")
		natstest.Eventually(t, "a part is acked", func() bool { return parts.Load() > p })
		acked = append(acked, time.Since(start))
		natstest.Eventually(t, "a part is read", func() bool { return read.Load() > max(p, r) })
		delivered = append(delivered, time.Since(start))
		natstest.Eventually(t, "media is read", func() bool { return heard.Load() > m+1 })
		media = append(media, time.Since(start))
		natstest.Eventually(t, "a record is written", func() bool {
			_, err := writer.UpdateStreamRecord(ctx, "a", func(l *StreamRecord) error { l.NextMSN = kill + 1; return nil })
			return err == nil
		})
		natstest.Eventually(t, "a record is seen", func() bool { return seen.Load() == kill+1 })
		watched = append(watched, time.Since(start))
	}
	natstest.Eventually(t, "all acked parts are read", func() bool { return read.Load() >= parts.Load() })
	t.Logf("after a SIGKILL of the server: part acked, %s", figures(acked))
	t.Logf("part read, %s", figures(delivered))
	t.Logf("media read, %s", figures(media))
	t.Logf("record seen, %s", figures(watched))
	t.Logf("%d parts acked, %d read in order, none lost", parts.Load(), read.Load())
}

// A holder that hangs is replaced too; when it wakes it is told. A restart of
// the server takes no lease away.
func TestLeaseOfTheStoppedIsTaken(t *testing.T) {
	t.Parallel()
	srv := startReborn(t)
	one := startChild(t, "holder", envURL+"="+srv.address)
	one.says(t, "acquired")
	two := startChild(t, "holder", envURL+"="+srv.address)
	two.says(t, "ready")
	var took []time.Duration
	for range 3 {
		stopped := time.Now()
		if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		two.says(t, "acquired")
		took = append(took, time.Since(stopped))
		if err := one.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		one.says(t, "lost")
		one, two = two, one
	}
	t.Logf("lease taken over after a SIGSTOP, %s", figures(took))

	b, err := Connect(t.Context(), Options{URL: srv.address, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	l := testLeases(t, b)
	away := newGauge(t, b)
	_, holder, _ := l.Holder("a")
	srv.kill()
	srv.again(t)
	srv.says(t, "ready")
	natstest.Eventually(t, "our connection has held so long that we judge others again", func() bool { return !b.Alive(t.Context(), "nobody") })
	sleep.For(t.Context(), LeaseTimeout/3) // a renewal
	t.Logf("the bus was away for %v", away)
	if away.excuses() {
		return // nobody can keep a lease for so long
	}
	if _, id, ok := l.Holder("a"); !ok || id != holder {
		t.Errorf("%q held the lease before the server was killed, %q after", holder, id)
	}
	select {
	case line := <-one.lines:
		t.Errorf("the holder said %q", line)
	default:
	}
}

// Events that were acked reach the subscriber in order and integrators
// without a gap, over kills of the server.
func TestEventsSurviveKillsOfTheServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	srv := startReborn(t)
	b, err := Connect(ctx, Options{URL: srv.address, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var handled atomic.Int64
	var repeats int
	wg.Go(func() {
		_ = client.Subscribe(ctx, b.Client(nil), client.Subscription{Durable: "t", All: true}, func(_ context.Context, ev StreamStarted) error {
			switch next := handled.Load() + 1; {
			case ev.StartedAt == next:
				handled.Store(next)
			case ev.StartedAt > next:
				t.Errorf("event %d came instead of %d", ev.StartedAt, next)
			default:
				repeats++
			}
			return nil
		})
	})
	const kills, each = 5, 40
	for n := int64(1); n <= kills*each; n++ {
		if err := Publish(ctx, b, StreamStarted{SID: "a", Session: fmt.Sprint(n), StartedAt: n}); err != nil {
			t.Fatal(err)
		}
		if n%each == each/2 {
			srv.kill()
			srv.again(t)
		}
	}
	natstest.Eventually(t, "all are handled", func() bool { return handled.Load() == kills*each })
	srv.kill()
	again, err := StartServer(ServerConfig{Dir: srv.dir, Listen: "127.0.0.1:0"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	js := natstest.JetStream(t, again.IntegratorURL())
	natstest.Eventually(t, "integrators have all", func() bool {
		s, err := js.Stream(ctx, server.LogFeed)
		return err == nil && s.CachedInfo().State.Msgs == kills*each
	})
	t.Logf("%d events acked and handled in order over %d kills, %d came twice", kills*each, kills, repeats)
}
