package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
)

type eventsDead struct{}

type eventsTail struct {
	Filter  string
	JSON    bool
	Since   time.Duration
	Durable string
}

func newEventsCommand(s *scope) *cobra.Command {
	t, f := &eventsTail{Filter: ">"}, &eventsForget{}
	tail := s.leaf("tail", "Print events from now on, until interrupted.", t,
		argument{name: "filter", help: "Which: stream.> or stream.ended.* or segment.ready.demo; all of them if left out.", one: &t.Filter, optional: true})
	toggleVar(tail, &t.JSON, "json", "Print whole CloudEvents as JSON, one a line.")
	tail.Flags().DurationVar(&t.Since, "since", 0, "Begin with what happened so long ago, as 1h; 7 days are kept.")
	textVar(tail.Flags(), &t.Durable, "durable", "NAME", "Keep the place under this name: started again, go on where it was, and miss nothing.")
	forget := s.leaf("forget", "Forget a place of events tail --durable.", f, argument{name: "durable", help: "Its name.", one: &f.Durable})
	dead := s.leaf("dead", "List the events that a subscriber gave up on, and why.", eventsDead{})
	return s.group("events", "What happens, as it happens.", nil, tail, forget, dead, newSchemaCommand(s))
}

// Run prints events as they come.
func (c *eventsTail) Run(s *scope) error {
	show := func(e bus.Envelope) error {
		if c.JSON {
			return json.NewEncoder(s.out).Encode(e)
		}
		return writeEvent(s.out, e)
	}
	since := time.Now().Add(-c.Since)
	return s.withBus(func(ctx context.Context, b *bus.Bus) (err error) {
		if c.Durable == "" {
			err = b.TailSince(ctx, c.Filter, since, show)
		} else {
			err = c.durable(ctx, b.Client(slog.New(slog.NewTextHandler(s.err, nil))), since, show)
		}
		if errors.Is(err, context.Canceled) {
			return nil // interrupted, as told
		}
		return err
	})
}

// durable shows what a place has, which begins at a time if it is new. What cannot
// be shown stays there.
func (c *eventsTail) durable(ctx context.Context, events *client.Client, since time.Time, show func(bus.Envelope) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := events.Consume(ctx, client.Subscription{Durable: c.Durable, Filters: []string{c.Filter}, Since: since}, func(_ context.Context, d client.Delivery) error {
		err := show(d.Envelope)
		if err != nil {
			stop(err)
		}
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

type eventsForget struct{ Durable string }

// Run forgets a durable place.
func (c *eventsForget) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error { return b.Client(nil).Forget(ctx, c.Durable) })
}

func writeEvent(w io.Writer, e bus.Envelope) error {
	name, err := bus.NameOf(e.Subject)
	if err != nil {
		name = e.Subject
	}
	_, err = fmt.Fprintf(w, "%s  %-20s %-16s %s\n", e.Time.Local().Format(time.TimeOnly+".000"), printable(e.Type), printable(name), printable(string(e.Data)))
	return err
}

// printable is a text that does nothing to a terminal: programs of others write
// dead letters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Run prints the dead letters, the oldest first.
func (eventsDead) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		none := true
		err := b.EachDead(ctx, func(d bus.Dead) error {
			none = false
			if err := writeEvent(s.out, d.Event); err != nil {
				return err
			}
			_, err := fmt.Fprintf(s.out, "    given up by %s after %d tries: %s\n", printable(d.Durable), d.Tries, printable(d.Error))
			return err
		})
		if err == nil && none {
			_, err = fmt.Fprintln(s.out, "no event was given up")
		}
		return err
	})
}
