package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/event"
)

// Subscription is a place in the events.
type Subscription struct {
	// Durable names the place, in letters, digits, '-' and '_': it is kept for whoever
	// takes it up again, until it is deleted (Forget). Empty: it ends with Consume.
	Durable string
	// Filters are the events that are wanted, by type and resource, as "stream.>",
	// "upload.completed.*" or "segment.ready.cam". None: all.
	Filters []string

	// Where a place begins that is new. By default it gets what comes from now on.
	All      bool      // the oldest event that there is
	Since    time.Time // the first of this time or later
	Sequence uint64    // the first with this number (Delivery.Sequence) or a higher one

	// Pauses are the waits before each further try of an event that was not handled;
	// after the last it is a dead letter. Nil: 0.25, 1, 5, 15 and 30 s, six tries in
	// all. Empty: one try.
	Pauses []time.Duration
}

// Delivery is an event as it comes.
type Delivery struct {
	event.Envelope
	Sequence uint64 // its number in the log
	Try      int    // from 1 on
}

// Subscribe calls handle with the events of type E until ctx ends, which is the
// error it returns; Filters, if there are any, must be of that type. nil says that
// an event is handled; an error has it come again. EnvelopeOf tells more of it.
func Subscribe[E event.Event](ctx context.Context, c *Client, s Subscription, handle func(ctx context.Context, ev E) error) error {
	var zero E
	if len(s.Filters) == 0 {
		s.Filters = []string{zero.Topic() + ".*"}
	}
	return c.consume(ctx, s, func(ctx context.Context, d Delivery) error {
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

// Consume calls handle with all events that match, of any type, until ctx ends, which
// is the error it returns. nil says that an event is handled; an error has it come
// again.
func (c *Client) Consume(ctx context.Context, s Subscription, handle func(ctx context.Context, d Delivery) error) error {
	return c.consume(ctx, s, handle)
}

// Forget deletes a durable place. One that is not there is no error.
func (c *Client) Forget(ctx context.Context, durable string) error {
	err := c.js.DeleteConsumer(ctx, c.events, durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("forget subscription %s: %w", durable, err)
	}
	return nil
}

func (s *Subscription) check() error {
	if s.Durable != "" && (!event.Token(s.Durable) || strings.ContainsAny(s.Durable, `/\`)) {
		return fmt.Errorf("subscribe: durable name %q; use letters and digits", s.Durable)
	}
	for _, f := range s.Filters {
		for token := range strings.SplitSeq(f, ".") {
			if token != "*" && token != ">" && !event.Token(token) {
				return fmt.Errorf("subscribe: filter %q; write TYPE.RESOURCE, as stream.> or upload.completed.*", f)
			}
		}
	}
	return nil
}

// config is the consumer of a place that begins.
func (s *Subscription) config() jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Durable: s.Durable, DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxAckPending: 1, // order: the next one only when this one is done with
	}
	for _, f := range s.Filters {
		cfg.FilterSubjects = append(cfg.FilterSubjects, event.SubjectEvents+f)
	}
	if len(cfg.FilterSubjects) == 0 {
		cfg.FilterSubjects = []string{event.SubjectEvents + ">"}
	}
	switch {
	case s.Sequence > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, s.Sequence
	case !s.Since.IsZero():
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &s.Since
	case s.All:
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	if s.Durable == "" {
		cfg.InactiveThreshold = time.Minute
	}
	return cfg
}

// pauses are six tries in a minute.
func pauses() []time.Duration {
	return []time.Duration{250 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}
}
