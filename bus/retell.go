package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/event"
)

// What the log of events surely knows that it has, without being read: less
// than its window for duplicates. And how far clocks may be apart.
const (
	eventsKnown = 50 * time.Minute
	eventsSlack = 5 * time.Minute
)

// retell publishes a fact that was true at a time, and that a worker which is
// gone may have published since: it is stored once, however long ago that was.
// It must have a Key. That two do so at the same moment, of a fact of an hour
// ago, is the only case in which it can come twice.
func retell(ctx context.Context, b *Bus, ev Event, at time.Time) error {
	if time.Since(at) > eventsKnown {
		has, err := hasEvent(ctx, b.conn, ev, at)
		if has || err != nil {
			return err
		}
	}
	return Publish(ctx, b, ev)
}

// hasEvent says whether an event that happened at a time is in the log.
func hasEvent(ctx context.Context, c *conn.Conn, ev Event, at time.Time) (bool, error) {
	env, err := event.Seal(ev, "", at)
	if err != nil {
		return false, err
	}
	subject := event.SubjectEvents + env.Type + "." + env.Subject
	m, err := conn.Last(ctx, c, logEvents, subject)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case m.Header.Get(nats.MsgIdHdr) == env.ID:
		return true, nil
	}
	from, err := conn.Since(ctx, c, logEvents, at.Add(-eventsSlack))
	if err != nil {
		return false, err
	}
	s, err := c.Stream(ctx, logEvents)
	if err != nil {
		return false, err
	}
	for {
		try, done := c.Bound(ctx)
		m, err := s.GetMsg(try, from, jetstream.WithGetMsgSubject(subject))
		done()
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return false, nil
		case err != nil:
			return false, c.Failed(try, err, "read log %s", logEvents)
		case m.Header.Get(nats.MsgIdHdr) == env.ID:
			return true, nil
		}
		from = m.Sequence + 1
	}
}
