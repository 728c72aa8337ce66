package bus

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/bus/conn"
)

// subjectGuesses carries wrong passphrases, from every signal worker to all; +
// the worker's Bus.ID.
const subjectGuesses = "guesses."

// A Guess is a wrong passphrase: where it was tried, and from where.
type Guess struct {
	Room string `json:"room"`
	From string `json:"from"` // the client's address
}

// guesses tell of wrong passphrases.
type guesses struct{ c *conn.Conn }

// BroadcastGuess tells the other signal workers of a wrong passphrase, so that who
// guesses is slowed down at all of them. It is a plain message: one that is
// lost lets somebody guess once more.
func (gs guesses) BroadcastGuess(g Guess) error {
	return conn.Broadcast(gs.c, subjectGuesses+gs.c.ID(), "tell of a wrong passphrase", g)
}

// WatchGuesses calls f with what other workers tell, one call at a time, until
// ctx ends.
func (gs guesses) WatchGuesses(ctx context.Context, f func(Guess)) error {
	return conn.Listen(ctx, gs.c, subjectGuesses+"*", "watch for wrong passphrases", 1024, func(m *nats.Msg) {
		var g Guess
		if strings.TrimPrefix(m.Subject, subjectGuesses) != gs.c.ID() && json.Unmarshal(m.Data, &g) == nil {
			f(g)
		}
	})
}
