package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// subjectGuesses carries wrong passphrases, from every signal worker to all; +
// the worker's Bus.ID.
const subjectGuesses = "guesses."

// A Guess is a wrong passphrase: where it was tried, and from where.
type Guess struct {
	Room string `json:"room"`
	From string `json:"from"` // the client's address
}

// TellGuess tells the other signal workers of a wrong passphrase, so that who
// guesses is slowed down at all of them. It is a plain message: one that is
// lost lets somebody guess once more.
func (b *Bus) TellGuess(g Guess) error {
	j, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("tell of a wrong passphrase: %w", err)
	}
	if err := b.conn.NATS().Publish(subjectGuesses+b.ID(), j); err != nil {
		return fmt.Errorf("tell of a wrong passphrase: %w", err)
	}
	return nil
}

// WatchGuesses calls f with what other workers tell, one call at a time, until
// ctx ends.
func (b *Bus) WatchGuesses(ctx context.Context, f func(Guess)) error {
	told := make(chan *nats.Msg, 1024)
	s, err := b.conn.NATS().ChanSubscribe(subjectGuesses+"*", told)
	if err != nil {
		return fmt.Errorf("watch for wrong passphrases: %w", err)
	}
	defer func() { _ = s.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.conn.Context().Done():
			return fmt.Errorf("watch for wrong passphrases: %w", ErrClosed)
		case m := <-told:
			var g Guess
			if strings.TrimPrefix(m.Subject, subjectGuesses) != b.ID() && json.Unmarshal(m.Data, &g) == nil {
				f(g)
			}
		}
	}
}
