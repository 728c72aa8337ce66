package conn

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Broadcast publishes v, in JSON, to whoever listens now. It is not stored and not
// repeated. what stands before an error.
func Broadcast(c *Conn, subject, what string, v any) error {
	j, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := c.nc.Publish(subject, j); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Listen calls f with what is published on a subject, one call at a time, until
// ctx ends. At most so many wait for f; more are dropped.
func Listen(ctx context.Context, c *Conn, subject, what string, most int, f func(*nats.Msg)) error {
	told := make(chan *nats.Msg, most)
	s, err := c.nc.ChanSubscribe(subject, told)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = s.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.ctx.Done():
			return fmt.Errorf("%s: %w", what, ErrClosed)
		case m := <-told:
			f(m)
		}
	}
}
