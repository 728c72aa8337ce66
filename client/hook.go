package client

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/bus/event"
)

// hooksAtOnce is how many questions of a hook are answered at once; more wait.
const hooksAtOnce = 64

// Answer answers the hook H with f, from several goroutines, until stop is called,
// which waits for those that are at it. Of several programs that answer the same hook
// one is asked. An error of f is no verdict: PSE decides by its configuration.
func Answer[H event.Hook](c *Client, f func(ctx context.Context, h H) (event.Verdict, error)) (stop func(), err error) {
	var zero H
	name := zero.Hook()
	ctx, cancel := context.WithCancel(context.Background())
	places := make(chan struct{}, hooksAtOnce)
	var wg sync.WaitGroup
	answer := func(m *nats.Msg) {
		var h H
		var v event.Verdict
		err := json.Unmarshal(m.Data, &h)
		if err == nil {
			v, err = f(ctx, h)
		}
		if err != nil {
			c.log.Warn("hook not answered", slog.String("hook", name), slog.Any("error", err))
			_ = m.Respond([]byte(`{}`))
			return
		}
		j, _ := json.Marshal(v) // a bool and texts: cannot fail
		_ = m.Respond(j)
	}
	sub, err := c.nc.QueueSubscribe(event.SubjectHooks+name, "hooks", func(m *nats.Msg) {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wg.Go(func() {
			defer func() { <-places }()
			answer(m)
		})
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("answer hook %s: %w", name, err)
	}
	_ = c.nc.FlushTimeout(time.Second) // from now on it is asked; without PSE, from when it is back
	return func() {
		_ = sub.Unsubscribe()
		cancel()
		wg.Wait()
	}, nil
}
