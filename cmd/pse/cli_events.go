package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/helios-h2020/pse/bus"
)

type eventsCommand struct {
	Tail   eventsTail   `cmd:"" help:"Print events from now on, until interrupted."`
	Dead   eventsDead   `cmd:"" help:"List the events that a subscriber gave up on, and why."`
	Schema eventsSchema `cmd:"" help:"Print the JSON Schema of an event or hook, or asyncapi.yaml; without a name, list them."`
}

type eventsDead struct{}

type eventsTail struct {
	Filter string `arg:"" optional:"" default:">" help:"Which: stream.> or stream.ended.* or segment.ready.demo; all of them if left out."`
	JSON   bool   `name:"json" help:"Print whole CloudEvents as JSON, one a line."`
}

// Run prints events as they come.
func (c *eventsTail) Run(s *scope) error {
	return s.withBus(func(ctx context.Context, b *bus.Bus) error {
		err := b.Tail(ctx, c.Filter, func(e bus.Envelope) error {
			if c.JSON {
				return json.NewEncoder(s.out).Encode(e)
			}
			return writeEvent(s.out, e)
		})
		if errors.Is(err, context.Canceled) {
			return nil // interrupted, as told
		}
		return err
	})
}

func writeEvent(w io.Writer, e bus.Envelope) error {
	name, err := bus.NameOf(e.Subject)
	if err != nil {
		name = e.Subject
	}
	_, err = fmt.Fprintf(w, "%s  %-20s %-16s %s\n", e.Time.Local().Format(time.TimeOnly+".000"), e.Type, name, e.Data)
	return err
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
			_, err := fmt.Fprintf(s.out, "    given up by %s after %d tries: %s\n", d.Durable, d.Tries, d.Error)
			return err
		})
		if err == nil && none {
			_, err = fmt.Fprintln(s.out, "no event was given up")
		}
		return err
	})
}
