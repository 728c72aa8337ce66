package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Tail calls f with every event from now on whose topic and resource match
// the filter, until ctx ends or f returns an error, which is returned. The
// filter is like a NATS subject: "stream.*.NAME", "stream.>"; empty for all.
func (b *Bus) Tail(ctx context.Context, filter string, f func(Envelope) error) error {
	return b.TailSince(ctx, filter, time.Now(), f)
}

// Replay calls f with every event of type E from a time on, as far back as
// the log goes (7 days), and then with those that come, until ctx ends or f
// returns an error, which is returned.
func Replay[E Event](ctx context.Context, b *Bus, since time.Time, f func(E) error) error {
	var zero E
	return b.TailSince(ctx, zero.Topic()+".*", since, func(env Envelope) error {
		var ev E
		if err := json.Unmarshal(env.Data, &ev); err != nil {
			return fmt.Errorf("event %s: %w: %w", env.ID, ErrBadEvent, err)
		}
		return f(ev)
	})
}

// TailSince is Tail that begins with the events from a time on, as far back as
// the log goes. It skips what does not parse: it is for people and tests, and
// others may go on.
func (b *Bus) TailSince(ctx context.Context, filter string, since time.Time, f func(Envelope) error) error {
	if filter == "" {
		filter = ">"
	}
	from, err := b.since(ctx, logEvents, since)
	if err != nil {
		return err
	}
	return b.tail(ctx, logEvents, subjectEvents+filter, from, func(m message) error {
		var env Envelope
		if err := json.Unmarshal(m.data, &env); err != nil {
			b.log.Warn("not an event", zap.String("subject", m.subject), zap.Error(err))
			return nil
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
		return b.failed(ctx, err, "read log %s", logDead)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	end := errors.New("the end")
	err = b.tail(ctx, logDead, subjectDead+">", info.State.FirstSeq, func(m message) error {
		p := headerParser{h: m.header}
		d := Dead{Durable: m.header.Get("Pse-Durable"), Tries: int(p.int("Pse-Tries")), Error: m.header.Get("Pse-Error")}
		_ = json.Unmarshal(m.data, &d.Event) // it may be dead because it does not parse
		if err := f(d); err != nil {
			return err
		}
		if m.seq >= info.State.LastSeq {
			return end
		}
		return nil
	})
	if errors.Is(err, end) {
		return nil
	}
	return err
}

// since is the log number of the first message stored at a time or later.
func (b *Bus) since(ctx context.Context, log string, at time.Time) (uint64, error) {
	s, err := b.stream(ctx, log)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, b.failed(ctx, err, "read log %s", log)
	}
	low, high := max(info.State.FirstSeq, 1), info.State.LastSeq+1 // an empty log begins at 0
	for low < high {                                               // times rise with the numbers
		mid := low + (high-low)/2
		m, err := s.GetMsg(ctx, mid)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // aged out meanwhile
			low = mid + 1
		case err != nil:
			return 0, b.failed(ctx, err, "read log %s", log)
		case m.Time.Before(at):
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, nil
}

// logInfo is what the server says of a log now.
func (b *Bus) logInfo(ctx context.Context, log string) (*jetstream.StreamInfo, error) {
	s, err := b.stream(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, done := b.bound(ctx)
	defer done()
	info, err := s.Info(ctx)
	if err != nil {
		return nil, b.failed(ctx, err, "read log %s", log)
	}
	return info, nil
}

// tail reads a log from a number on.
func (b *Bus) tail(ctx context.Context, log, subject string, from uint64, f func(message) error) error {
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
