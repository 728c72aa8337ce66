package client

import (
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

// ackWait is how long PSE waits for a sign of life of a handler before it gives the
// event to somebody else; a running one gives signs.
const ackWait = 5 * time.Second
