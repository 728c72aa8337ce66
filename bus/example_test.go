package bus_test

import (
	"context"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
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
		_ = bus.Subscribe(ctx, b, "archive", func(_ context.Context, ev bus.StreamEnded) error {
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

// An integrator allows some publishers and refuses others.
func ExampleAnswer() {
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
	ctx := context.Background()
	b, err := bus.Connect(ctx, bus.Options{Server: srv, Name: "example"}, zap.NewNop())
	if err != nil {
		panic(err)
	}
	defer b.Close()

	stop, err := bus.Answer(b, func(_ context.Context, h bus.PublishHook) (bus.Verdict, error) {
		if h.KeyID == "guest" {
			return bus.Verdict{Reason: "guests publish on weekends only"}, nil
		}
		return bus.Verdict{Allow: true}, nil
	})
	if err != nil {
		panic(err)
	}
	defer stop()
	for _, key := range []string{"owner", "guest"} {
		v, err := bus.Ask(ctx, b, bus.PublishHook{Name: "demo", KeyID: key}, bus.HookConfig{})
		fmt.Println(key, v.Allow, v.Reason, err)
	}
	// Output:
	// owner true  <nil>
	// guest false guests publish on weekends only <nil>
}
