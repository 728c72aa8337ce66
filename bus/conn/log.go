package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Last is the newest message of a subject, or ErrNotFound.
func Last(ctx context.Context, c *Conn, log, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := c.Stream(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, done := c.Bound(ctx)
	defer done()
	m, err := s.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("%s in log %s: %w", subject, log, ErrNotFound)
	}
	if err != nil {
		return nil, c.Failed(ctx, err, "read log %s", log)
	}
	return m, nil
}

// Get is one message of a log by its number, or ErrNotFound.
func Get(ctx context.Context, c *Conn, log string, seq uint64) (*jetstream.RawStreamMsg, error) {
	s, err := c.Stream(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, done := c.Bound(ctx)
	defer done()
	m, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("message %d of log %s: %w", seq, log, ErrNotFound)
	}
	if err != nil {
		return nil, c.Failed(ctx, err, "read message %d of log %s", seq, log)
	}
	return m, nil
}

// Since is the log number of the first message stored at a time or later.
func Since(ctx context.Context, c *Conn, log string, at time.Time) (uint64, error) {
	s, err := c.Stream(ctx, log)
	if err != nil {
		return 0, err
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, c.Failed(ctx, err, "read log %s", log)
	}
	low, high := max(info.State.FirstSeq, 1), info.State.LastSeq+1 // an empty log begins at 0
	for low < high {                                               // times rise with the numbers
		mid := low + (high-low)/2
		m, err := s.GetMsg(ctx, mid)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound): // aged out meanwhile
			low = mid + 1
		case err != nil:
			return 0, c.Failed(ctx, err, "read log %s", log)
		case m.Time.Before(at):
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, nil
}

// Info is what the server says of a log now.
func Info(ctx context.Context, c *Conn, log string) (*jetstream.StreamInfo, error) {
	s, err := c.Stream(ctx, log)
	if err != nil {
		return nil, err
	}
	ctx, done := c.Bound(ctx)
	defer done()
	info, err := s.Info(ctx)
	if err != nil {
		return nil, c.Failed(ctx, err, "read log %s", log)
	}
	return info, nil
}

// Tail calls f with each message of a subject from a number on, until ctx ends or
// f returns an error, which is returned.
func Tail(ctx context.Context, c *Conn, log, subject string, from uint64, f func(Message) error) error {
	r, err := Follow(ctx, c, log, []string{subject}, from, false)
	if err != nil {
		return err
	}
	defer r.Stop()
	for {
		m, err := r.Next(ctx)
		if err != nil {
			return err
		}
		if err := f(m); err != nil {
			return err
		}
	}
}
