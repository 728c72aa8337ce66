package client_test

import (
	"context"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
)

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

	stop, err := client.Answer(b.Client(nil), func(_ context.Context, h bus.PublishHook) (bus.Verdict, error) {
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
		v, err := bus.AskHook(ctx, b, bus.PublishHook{Name: "demo", KeyID: key}, bus.HookConfig{})
		fmt.Println(key, v.Allow, v.Reason, err)
	}
	// Output:
	// owner true  <nil>
	// guest false guests publish on weekends only <nil>
}
