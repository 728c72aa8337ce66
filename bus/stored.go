package bus

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus/conn"
)

// LastStored is when the logs last took something of a stream, by the
// server's clock, or ErrNotFound: a sign of life that survives a power cut,
// as the parts log does.
func (l partsLog) LastStored(ctx context.Context, sid string) (time.Time, error) {
	var newest time.Time
	look := func(log, subject string) error {
		m, err := conn.Last(ctx, l.c, log, subject)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err == nil && m.Time.After(newest) {
			newest = m.Time
		}
		return err
	}
	if err := look(logMedia, subjectMedia+sid); err != nil {
		return newest, err
	}
	names, err := l.Renditions(ctx, sid)
	if err != nil {
		return newest, err
	}
	for _, name := range names {
		if err := look(logHLS, PartSubject(sid, name)); err != nil {
			return newest, err
		}
	}
	if newest.IsZero() {
		return newest, ErrNotFound
	}
	return newest, nil
}
