package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// ackWait is how long the server waits for a sign of life of a handler
// before it gives the event to somebody else; a running one gives signs.
const ackWait = 5 * time.Second

// backOff is the wait before each further try of an event: six tries in a minute.
func backOff() []time.Duration {
	return []time.Duration{250 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}
}

// Subscribe gives f all events of type E, until ctx ends. The durable name
// keeps the place: it goes on where it was after a restart, from the moment
// of its first use on. nil acks; an error has the event come again, with
// back-off, six times in all; then it is kept in the dead-letter log (see
// Dead) and the next one comes. Events come one at a time and in order, also
// when several processes share a durable name; each at least once.
func Subscribe[E Event](ctx context.Context, b *Bus, durable string, f func(ctx context.Context, ev E) error) error {
	var zero E
	if !token(durable) || strings.ContainsAny(durable, `/\`) {
		return fmt.Errorf("subscribe to %s: durable name %q; use letters and digits", zero.Topic(), durable)
	}
	s := &subscription{
		b: b, durable: durable, topic: zero.Topic(), backOff: backOff(),
		handle: func(ctx context.Context, data []byte) error {
			ev, env, err := open[E](data)
			if err != nil {
				return err
			}
			return f(context.WithValue(ctx, envelopeKey{}, env), ev)
		},
	}
	return s.run(ctx)
}

type envelopeKey struct{}

// EnvelopeOf is the envelope of the event that a handler of Subscribe was
// given, by the handler's context.
func EnvelopeOf(ctx context.Context) Envelope {
	env, _ := ctx.Value(envelopeKey{}).(Envelope)
	return env
}

// subscription is one durable place in the events of one topic.
type subscription struct {
	b              *Bus
	durable, topic string
	backOff        []time.Duration
	handle         func(ctx context.Context, data []byte) error
}

func (s *subscription) run(ctx context.Context) error {
	for {
		err := s.consume(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.b.conn.Context().Err() != nil {
			return fmt.Errorf("subscribe to %s: %w", s.topic, ErrClosed)
		}
		s.b.log.Debug("subscription begins anew", zap.String("topic", s.topic), zap.String("durable", s.durable), zap.Error(err))
		s.b.conn.EnsureLogs()
		sleep.For(ctx, 200*time.Millisecond)
	}
}

// consume handles events until the consumer is gone.
func (s *subscription) consume(ctx context.Context) error {
	c, err := s.b.conn.JetStream().CreateOrUpdateConsumer(ctx, logEvents, jetstream.ConsumerConfig{
		Durable: s.durable + "-" + strings.ReplaceAll(s.topic, ".", "_"), FilterSubject: subjectEvents + s.topic + ".*",
		DeliverPolicy: jetstream.DeliverNewPolicy, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxAckPending: 1, // order: the next one only when this one is done with
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.topic, err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(10), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.topic, err)
	}
	defer giveBack(it)
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", s.topic, err)
		}
		if err := s.settle(ctx, m); err != nil {
			return err
		}
	}
}

// giveBack ends a consumer's iterator. What is on its way already goes back at
// once: else it would be missed only after ackWait, and hold up all others.
func giveBack(it jetstream.MessagesContext) {
	it.Drain()
	defer it.Stop()
	for {
		m, err := it.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			return
		}
		_ = m.Nak()
	}
}

// settle handles one event and tells the log what became of it.
func (s *subscription) settle(ctx context.Context, m jetstream.Msg) error {
	md, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.topic, err)
	}
	tries := int(md.NumDelivered)
	if tries > len(s.backOff)+1 { // its handler never returned: it took the process with it
		return s.bury(ctx, m, md.Sequence.Stream, tries-1, errors.New("no handler survived it"))
	}
	err = s.handleAlive(ctx, m)
	switch {
	case err == nil:
		s.count("ok")
		ctx, done := s.b.conn.Bound(ctx)
		defer done()
		_ = m.DoubleAck(ctx) // if it gets lost the event comes again
		return nil
	case ctx.Err() != nil:
		return m.Nak()
	case errors.Is(err, ErrBadEvent) || tries > len(s.backOff):
		return s.bury(ctx, m, md.Sequence.Stream, tries, err)
	}
	s.count("retry")
	wait := s.backOff[tries-1]
	s.b.log.Warn("event not handled, will try again", zap.String("subject", m.Subject()), zap.String("durable", s.durable),
		zap.Int("tries", tries), zap.Duration("wait", wait), zap.Error(err))
	return m.NakWithDelay(wait)
}

// handleAlive runs the handler and gives the server signs of life meanwhile.
func (s *subscription) handleAlive(ctx context.Context, m jetstream.Msg) error {
	done := make(chan struct{})
	defer close(done)
	go func() {
		t := time.NewTicker(ackWait / 3)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				_ = m.InProgress()
			}
		}
	}()
	return s.handle(ctx, m.Data())
}

// bury moves an event to the dead-letter log.
func (s *subscription) bury(ctx context.Context, m jetstream.Msg, number uint64, tries int, cause error) error {
	dead := &nats.Msg{
		Subject: subjectDead + s.durable + "." + strings.TrimPrefix(m.Subject(), subjectEvents), Data: m.Data(),
		Header: nats.Header{
			nats.MsgIdHdr: {s.durable + "/" + strconv.FormatUint(number, 10)}, "Content-Type": {cloudEventsJSON},
			"Pse-Error": {oneLine(cause.Error())}, "Pse-Tries": {strconv.Itoa(tries)}, "Pse-Durable": {s.durable},
		},
	}
	ctx, done := s.b.conn.Bound(ctx)
	defer done()
	if _, err := s.b.conn.JetStream().PublishMsg(ctx, dead); err != nil {
		wait := time.Second // of a handler that is tried once
		if n := len(s.backOff); n > 0 {
			wait = s.backOff[n-1]
		}
		_ = m.NakWithDelay(wait)
		return s.b.conn.Failed(ctx, err, "bury %s", m.Subject())
	}
	s.count("dead")
	s.b.log.Error("event given up, kept as a dead letter", zap.String("subject", dead.Subject), zap.Int("tries", tries), zap.Error(cause))
	return m.TermWithReason("dead letter")
}

func (s *subscription) count(result string) {
	s.b.meter.handled.WithLabelValues(s.durable, s.topic, result).Inc()
}

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s[:min(len(s), 1000)])
}
