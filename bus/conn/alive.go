package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/internal/sleep"
)

// trustAfter is how long a connection must have held before "nobody answers"
// counts: after a restart of the server the others need time to come back too.
const trustAfter = time.Second

// aliveTime is how long a question waits for an answer. Only a process that hangs
// gives none; on a busy machine one that is gone must not pass for alive because the
// server was slow to say so: a room full of its members would have no place.
const aliveTime = time.Second

// answerAlive lets others see that this process is there. The answer comes
// from the library's goroutine, so a busy worker answers as well.
func (c *Conn) answerAlive() error {
	_, err := c.nc.Subscribe(c.alive(c.id), func(m *nats.Msg) { _ = m.Respond(nil) })
	if err != nil {
		return fmt.Errorf("answer for %s on the bus: %w", c.id, err)
	}
	_ = c.nc.FlushTimeout(time.Second) // so that nobody is taken for dead who is just born
	return nil
}

// Alive says whether the worker with this Conn.ID has a connection. Only who
// is surely gone (twice nobody listens) is not alive: a worker that is slow
// or stopped, and everybody while our own connection is new or away, is.
func Alive(ctx context.Context, c *Conn, id string) bool {
	for range 2 {
		if c.heldFor() < trustAfter {
			return true
		}
		rctx, cancel := context.WithTimeout(ctx, aliveTime)
		_, err := c.nc.RequestWithContext(rctx, c.alive(id), nil)
		cancel()
		if !errors.Is(err, nats.ErrNoResponders) {
			return true
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
	return ctx.Err() != nil
}
