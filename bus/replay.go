package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Replay calls f with every event of type E from a time on, as far back as
// the log goes (7 days), and then with those that come, until ctx ends or f
// returns an error, which is returned.
func Replay[E Event](ctx context.Context, b *Bus, since time.Time, f func(E) error) error {
	var zero E
	return b.TailSince(ctx, zero.Topic()+".*", since, func(env Envelope) error {
		var ev E
		if err := json.Unmarshal(env.Data, &ev); err != nil {
			return fmt.Errorf("event %s: %w: %w", env.ID, ErrBadEvent, err)
		}
		return f(ev)
	})
}
