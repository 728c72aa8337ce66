package bus

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
)

// eventsLog is the log of events, and that of those that were given up.
type eventsLog struct {
	c   *conn.Conn
	log *zap.Logger
}

// Tail calls f with every event from now on whose topic and resource match
// the filter, until ctx ends or f returns an error, which is returned. The
// filter is like a NATS subject: "stream.*.NAME", "stream.>"; empty for all.
func (l eventsLog) Tail(ctx context.Context, filter string, f func(Envelope) error) error {
	return l.TailSince(ctx, filter, time.Now(), f)
}

// TailSince is Tail that begins with the events from a time on, as far back as
// the log goes. It skips what does not parse: it is for people and tests, and
// others may go on.
func (l eventsLog) TailSince(ctx context.Context, filter string, since time.Time, f func(Envelope) error) error {
	if filter == "" {
		filter = ">"
	}
	from, err := conn.Since(ctx, l.c, logEvents, since)
	if err != nil {
		return err
	}
	return conn.Tail(ctx, l.c, logEvents, event.SubjectEvents+filter, from, func(m conn.Message) error {
		var env Envelope
		if err := json.Unmarshal(m.Data, &env); err != nil {
			l.log.Warn("not an event", zap.String("subject", m.Subject), zap.Error(err))
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
func (l eventsLog) EachDead(ctx context.Context, f func(Dead) error) error {
	s, err := l.c.Stream(ctx, logDead)
	if err != nil {
		return err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return l.c.Failed(ctx, err, "read log %s", logDead)
	}
	if info.State.Msgs == 0 {
		return nil
	}
	end := errors.New("the end")
	err = conn.Tail(ctx, l.c, logDead, event.SubjectDead+">", info.State.FirstSeq, func(m conn.Message) error {
		p := headerParser{h: m.Header}
		d := Dead{Durable: m.Header.Get("Pse-Durable"), Tries: int(p.int("Pse-Tries")), Error: m.Header.Get("Pse-Error")}
		_ = json.Unmarshal(m.Data, &d.Event) // it may be dead because it does not parse
		if err := f(d); err != nil {
			return err
		}
		if m.Seq >= info.State.LastSeq {
			return end
		}
		return nil
	})
	if errors.Is(err, end) {
		return nil
	}
	return err
}
