package bus

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

func aliveSubject(id string) string { return "worker." + id + ".alive" }

// answerAlive lets others see that this process is there. The answer comes
// from the library's goroutine, so a busy worker answers as well.
func (b *Bus) answerAlive() error {
	_, err := b.nc.Subscribe(aliveSubject(b.id), func(m *nats.Msg) { _ = m.Respond(nil) })
	if err != nil {
		return fmt.Errorf("answer for %s on the bus: %w", b.id, err)
	}
	_ = b.nc.FlushTimeout(time.Second) // so that nobody is taken for dead who is just born
	return nil
}

// Alive says whether the worker with this Bus.ID has a connection. Only who
// is surely gone (twice nobody listens) is not alive: a worker that is slow
// or stopped, and everybody while our own connection is new or away, is.
func (b *Bus) Alive(ctx context.Context, id string) bool {
	for range 2 {
		if b.linkedFor() < trustAfter {
			return true
		}
		rctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		_, err := b.nc.RequestWithContext(rctx, aliveSubject(id), nil)
		cancel()
		if !errors.Is(err, nats.ErrNoResponders) {
			return true
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
	return ctx.Err() != nil
}
