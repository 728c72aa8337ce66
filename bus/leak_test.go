package bus

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/client"
)

// All that was started ends with its Stop, Close or context.
func TestNothingIsLeft(t *testing.T) {
	round := func() {
		srv, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		for _, o := range []Options{{Server: srv, Name: "near"}, {URL: srv.URL(), Name: "far"}} {
			b, err := Connect(t.Context(), o, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = b.WatchStreamRecords(ctx, func(*StreamRecord) {}) })
			wg.Go(func() { _ = b.WatchKeys(ctx, func([]Key) {}) })
			wg.Go(func() { _ = b.Tail(ctx, "", func(Envelope) error { return nil }) })
			wg.Go(func() {
				_ = client.Subscribe(ctx, b.Client(nil), client.Subscription{Durable: "t"}, func(context.Context, StreamStarted) error { return nil })
			})
			natstest.Eventually(t, "subscription", func() bool {
				_, err := b.conn.JetStream().Consumer(t.Context(), logEvents, "t")
				return err == nil
			})
			media, err := b.FollowMedia(ctx, "a", 0)
			if err != nil {
				t.Fatal(err)
			}
			parts, err := b.FollowParts(ctx, "a", 0, true)
			if err != nil {
				t.Fatal(err)
			}
			l, err := b.Leases(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.TryAcquire(ctx, b.ID(), nil); err != nil {
				t.Fatal(err)
			}
			stop, err := b.Serve("w", "1.0.0", Handle("e", func(context.Context, int) (int, error) { return 0, nil }))
			if err != nil {
				t.Fatal(err)
			}
			media.Stop()
			parts.Stop()
			l.Close()
			stop()
			cancel()
			wg.Wait()
			b.Close()
		}
	}
	round() // what libraries start once
	runtime.GC()
	before := runtime.NumGoroutine()
	for range 3 {
		round()
	}
	natstest.Eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before+2 })
}
