package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	requestTime = 5 * time.Second        // for one answer of PSE
	againAfter  = 200 * time.Millisecond // when a consumer could not be had
)

// consumer is a place in the events that is worked on.
type consumer struct {
	c      *Client
	s      Subscription
	log    *slog.Logger
	handle func(ctx context.Context, d Delivery) error
	next   uint64 // the first event that is not handled, where the place is kept here

	given uint64 // the event that was given up last
	cause error  // and why: it may not be buried at once
}

// Consume calls handle with all events that match, of any type, until ctx ends, which
// is the error it returns. nil says that an event is handled; an error has it come
// again.
func (c *Client) Consume(ctx context.Context, s Subscription, handle func(ctx context.Context, d Delivery) error) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Pauses == nil {
		s.Pauses = pauses()
	}
	log := c.log
	if s.Durable != "" {
		log = log.With(slog.String("durable", s.Durable))
	}
	co := &consumer{c: c, s: s, log: log, handle: handle}
	for {
		err := co.run(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case c.nc.IsClosed():
			return fmt.Errorf("subscribe: %w", nats.ErrConnectionClosed)
		case isFinal(err):
			return fmt.Errorf("subscribe: %w", err)
		}
		log.Debug("subscription begins anew", slog.Any("error", err))
		sleep.For(ctx, againAfter)
	}
}

// isFinal says whether an error is one that another try will not change: what was
// asked for is wrong, or there are too many consumers. One that another process
// began meanwhile is there at the next try.
func isFinal(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 400 && !errors.Is(err, jetstream.ErrConsumerExists)
}

// open finds the place, or begins one.
func (co *consumer) open(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	want := co.s.config()
	if co.s.Durable == "" {
		if co.next > 0 { // what held it is gone
			want.DeliverPolicy, want.OptStartSeq, want.OptStartTime = jetstream.DeliverByStartSequencePolicy, co.next, nil
		}
		return co.c.js.CreateConsumer(ctx, co.c.events, want)
	}
	is, err := co.c.js.Consumer(ctx, co.c.events, co.s.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return co.c.js.CreateConsumer(ctx, co.c.events, want)
	}
	if err != nil {
		return nil, err
	}
	has := is.CachedInfo().Config
	if slices.Equal(filters(has), want.FilterSubjects) && has.MaxAckPending == want.MaxAckPending && has.AckWait == want.AckWait {
		return is, nil
	}
	has.FilterSubject, has.FilterSubjects, has.MaxAckPending, has.AckWait = "", want.FilterSubjects, want.MaxAckPending, want.AckWait
	return co.c.js.UpdateConsumer(ctx, co.c.events, has)
}

func filters(c jetstream.ConsumerConfig) []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

// run handles events until the consumer is gone.
func (co *consumer) run(ctx context.Context) error {
	at, err := co.open(ctx)
	if err != nil {
		return err
	}
	it, err := at.Messages(jetstream.PullMaxMessages(10), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return err
	}
	var inHand jetstream.Msg
	defer func() { giveBack(it, inHand) }()
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		inHand = m
		if ctx.Err() != nil { // Next takes either, when there are both
			return ctx.Err()
		}
		if err := co.settle(ctx, m); err != nil {
			return err
		}
		inHand = nil
	}
}

// giveBack ends a consumer's iterator. What is in hand or on its way already goes
// back at once: else it would be missed only after ackWait, and hold up all others.
// It goes back after the iterator ended, or it would be given to that again.
func giveBack(it jetstream.MessagesContext, inHand jetstream.Msg) {
	it.Drain()
	defer it.Stop()
	if inHand != nil {
		_ = inHand.Nak() // unless it is settled
	}
	for {
		m, err := it.Next(jetstream.NextMaxWait(time.Second))
		if err != nil {
			return
		}
		_ = m.Nak()
	}
}

// settle handles one event and tells the log what became of it, unless ctx ended
// before anything did.
func (co *consumer) settle(ctx context.Context, m jetstream.Msg) error {
	md, err := m.Metadata()
	if err != nil {
		return err
	}
	d := Delivery{Sequence: md.Sequence.Stream, Try: int(md.NumDelivered)}
	told := context.WithoutCancel(ctx) // what was decided is told also by a program that stops
	if d.Try > len(co.s.Pauses)+1 {
		if co.given != d.Sequence { // its handler never returned: it took the process with it
			co.given, co.cause = d.Sequence, errors.New("no handler survived it")
		}
		return co.bury(told, m, d)
	}
	if d.Envelope, err = event.Open(m.Data()); err == nil {
		err = co.handleAlive(ctx, m, d)
	}
	switch {
	case err == nil:
		told, cancel := context.WithTimeout(told, requestTime)
		defer cancel()
		_ = m.DoubleAck(told) // if it gets lost the event comes again
		co.next = d.Sequence + 1
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, event.ErrBadEvent) || d.Try > len(co.s.Pauses):
		co.given, co.cause = d.Sequence, err
		return co.bury(told, m, d)
	}
	wait := co.s.Pauses[d.Try-1]
	co.log.Warn("event not handled, will try again", slog.String("subject", m.Subject()), slog.Int("tries", d.Try), slog.Duration("wait", wait), slog.Any("error", err))
	return m.NakWithDelay(wait)
}

// handleAlive runs the handler and gives the server signs of life meanwhile.
func (co *consumer) handleAlive(ctx context.Context, m jetstream.Msg, d Delivery) error {
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
	return co.handle(ctx, d)
}

// bury moves an event that was given up to the log of dead letters.
func (co *consumer) bury(ctx context.Context, m jetstream.Msg, d Delivery) error {
	durable, tries := co.s.Durable, min(d.Try, len(co.s.Pauses)+1)
	if durable == "" {
		durable = "none"
	}
	dead := &nats.Msg{
		Subject: event.SubjectDead + durable + "." + strings.TrimPrefix(m.Subject(), event.SubjectEvents), Data: m.Data(),
		Header: nats.Header{
			nats.MsgIdHdr: {durable + "/" + strconv.FormatUint(d.Sequence, 10)}, "Content-Type": {event.ContentType},
			"Pse-Error": {oneLine(co.cause.Error())}, "Pse-Tries": {strconv.Itoa(tries)}, "Pse-Durable": {durable},
		},
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	if _, err := co.c.js.PublishMsg(ctx, dead); err != nil {
		wait := time.Second // of a handler that is tried once
		if n := len(co.s.Pauses); n > 0 {
			wait = co.s.Pauses[n-1]
		}
		co.log.Error("event given up, and PSE does not take it as a dead letter; will try again", slog.String("subject", dead.Subject), slog.Any("error", err))
		return m.NakWithDelay(wait)
	}
	co.next = d.Sequence + 1
	co.log.Error("event given up, kept as a dead letter", slog.String("subject", dead.Subject), slog.Int("tries", tries), slog.Any("error", co.cause))
	return m.TermWithReason("dead letter")
}

// oneLine makes a text fit for a header.
func oneLine(s string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s[:min(len(s), 1000)])
}

// Forget deletes a durable place. One that is not there is no error.
func (c *Client) Forget(ctx context.Context, durable string) error {
	err := c.js.DeleteConsumer(ctx, c.events, durable)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("forget subscription %s: %w", durable, err)
	}
	return nil
}
