package bus

import (
	"context"
	"encoding/json"
	"fmt"
)

// Tail calls f with every event from now on whose topic and resource match
// the filter, until ctx ends or f returns an error, which is returned. The
// filter is like a NATS subject: "stream.*.NAME", "stream.>"; empty for all.
// Nothing is kept for who tails: what happens while the bus is away may be missed.
func (b *Bus) Tail(ctx context.Context, filter string, f func(Envelope) error) error {
	if filter == "" {
		filter = ">"
	}
	return b.tail(ctx, logEvents, subjectEvents+filter, 0, func(m message) error {
		var env Envelope
		if err := json.Unmarshal(m.data, &env); err != nil {
			return fmt.Errorf("event %d: %w: %w", m.seq, ErrBadEvent, err)
		}
		return f(env)
	})
}

// Dead is an event that a subscription gave up.
type Dead struct {
	Durable string
	Tries   int
	Error   string
	Event   Envelope
}

// EachDead calls f with the events given up so far, the oldest first (30 days are kept).
func (b *Bus) EachDead(ctx context.Context, f func(Dead) error) error {
	s, err := b.stream(ctx, logDead)
	if err != nil {
		return err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return fmt.Errorf("read log %s: %w", logDead, err)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	stop := fmt.Errorf("end of log %s", logDead)
	err = b.tail(ctx, logDead, subjectDead+">", info.State.FirstSeq, func(m message) error {
		p := headerParser{h: m.header}
		d := Dead{Durable: m.header.Get("Pse-Durable"), Tries: int(p.int("Pse-Tries")), Error: m.header.Get("Pse-Error")}
		_ = json.Unmarshal(m.data, &d.Event) // it may be dead because it does not parse
		if err := f(d); err != nil {
			return err
		}
		if m.seq >= info.State.LastSeq {
			return stop
		}
		return nil
	})
	if err == stop { //nolint:errorlint // it is this very one
		return nil
	}
	return err
}

// tail reads a log from a number on; 0: from now on.
func (b *Bus) tail(ctx context.Context, log, subject string, from uint64, f func(message) error) error {
	if from == 0 {
		s, err := b.stream(ctx, log)
		if err != nil {
			return err
		}
		info, err := s.Info(ctx)
		if err != nil {
			return fmt.Errorf("read log %s: %w", log, err)
		}
		from = info.State.LastSeq + 1
	}
	fl, err := b.follow(ctx, log, []string{subject}, from, false)
	if err != nil {
		return err
	}
	defer fl.stop()
	for {
		m, err := fl.next(ctx)
		if err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
	}
}
