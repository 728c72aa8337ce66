package bus_test

import (
	"context"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
)

// A worker publishes a fact; another one, or the same, handles it.
func Example() {
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	srv, err := bus.StartServer(bus.ServerConfig{Dir: dir}, zap.NewNop())
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b, err := bus.Connect(ctx, bus.Options{Server: srv, Name: "example"}, zap.NewNop())
	if err != nil {
		panic(err)
	}
	defer b.Close()

	// A stream that ends must not be missed, so this is durable: whoever
	// takes up "archive" again gets what came meanwhile.
	handled := make(chan bus.StreamEnded)
	go func() {
		_ = client.Subscribe(ctx, b.Client(nil), client.Subscription{Durable: "archive"}, func(_ context.Context, ev bus.StreamEnded) error {
			handled <- ev
			return nil
		})
	}()
	for n := 0; ; n++ { // until the subscription is there; later it always is
		if err := bus.Publish(ctx, b, bus.StreamEnded{SID: "demo", Name: "demo", Session: fmt.Sprint(n), Reason: "the publisher stopped"}); err != nil {
			panic(err)
		}
		select {
		case ev := <-handled:
			fmt.Printf("%s ended: %s\n", ev.Name, ev.Reason)
			return
		default:
		}
	}
	// Output: demo ended: the publisher stopped
}
