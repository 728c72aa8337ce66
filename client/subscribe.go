package client

import (
	"context"

	"github.com/helios-h2020/pse/bus/event"
)

// Subscribe calls handle with the events of type E until ctx ends, which is the
// error it returns; Filters, if there are any, must be of that type. nil says that
// an event is handled; an error has it come again. EnvelopeOf tells more of it.
func Subscribe[E event.Event](ctx context.Context, c *Client, s Subscription, handle func(ctx context.Context, ev E) error) error {
	var zero E
	if len(s.Filters) == 0 {
		s.Filters = []string{zero.Topic() + ".*"}
	}
	return c.Consume(ctx, s, func(ctx context.Context, d Delivery) error {
		ev, err := event.Decode[E](d.Envelope)
		if err != nil {
			return err
		}
		return handle(context.WithValue(ctx, envelopeKey{}, d.Envelope), ev)
	})
}

type envelopeKey struct{}

// EnvelopeOf is the envelope of the event that a handler of Subscribe was given, by
// the handler's context.
func EnvelopeOf(ctx context.Context) event.Envelope {
	env, _ := ctx.Value(envelopeKey{}).(event.Envelope)
	return env
}
