package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/nats-io/nuid"
	"go.uber.org/zap"
)

// claim is what a publisher wants to have on record.
type claim struct {
	sid, name, app string
	keyID          string // of the key that lets it; empty without keys
}

// records changes the records of streams. What a change makes true is told
// afterwards, from the record.
type records struct {
	bus       *bus.Bus
	cfg       Config
	announcer *announcer
	log       *zap.Logger
	hard      context.Context // ends later than publishers do: what is still to be noted then is
}

// begin puts c on the record: as a return when it is one, else as a new
// session of the stream. It returns the clock to start at, and what its 0 was
// not before: the dates of a stream do not go back.
func (r *records) begin(ctx context.Context, c claim, f *format) (l *bus.StreamRecord, start, first int64, err error) {
	at := now()
	last, err := r.bus.LastChunk(ctx, c.sid)
	if err != nil {
		last = nil // none is left, or the update below will say what is wrong
	}
	l, err = r.bus.UpdateStreamRecord(ctx, c.sid, func(l *bus.StreamRecord) error {
		if err := r.held(ctx, l, c); err != nil {
			return err
		}
		returns, lost, err := r.returns(ctx, l, c, at)
		if err != nil {
			return err
		}
		oweOld(l)
		if l.Told == nil {
			l.Told = new(bus.Told)
			if returns { // of an older version, which told what there was
				*l.Told = l.Now()
			}
		}
		switch {
		case !returns:
			if l.State == bus.StateLive || l.State == bus.StateGrace {
				owe(l, ended(l, at, "another publisher took the name"))
			}
			l.Session, l.Epoch, l.StartedAt = nuid.Next(), 0, at
		case l.State == bus.StateLive: // nobody noted yet that the publisher was gone
			owe(l, interrupted(l, min(lost, at)))
			fallthrough
		default:
			l.Epoch++
		}
		l.Name, l.App, l.State, l.Ingest, l.KeyID, l.Client = c.name, c.app, bus.StateLive, r.bus.ID(), c.keyID, f.software
		l.PausedAt, l.Grace, l.EndedAt, l.LastMedia, l.Reason = 0, 0, 0, 0, ""
		f.describe(l)
		if returns {
			owe(l, resumed(l, at))
		} else {
			owe(l, started(l))
		}
		return nil
	})
	if err != nil {
		return nil, 0, 0, err
	}
	r.announcer.announce(l.SID)
	first = l.StartedAt
	if l.Epoch > 0 {
		start = at - l.StartedAt
		if last != nil && last.Of(l.Session, l.StartedAt) {
			after := last.DTS // of the last tag stored
			_ = last.EachTag(func(_ bus.Tag, clock int64) error { after = max(after, clock); return nil })
			start = max(start, after+oneFrame)
			first = last.Wall + after + oneFrame - start
		}
	}
	return l, start, first, nil
}

// held refuses c if the record l is of a live stream of another publisher.
func (r *records) held(ctx context.Context, l *bus.StreamRecord, c claim) error {
	if l.State == bus.StateLive && l.KeyID != c.keyID && l.Ingest != r.bus.ID() && r.bus.Alive(ctx, l.Ingest) {
		return busy(c.name)
	}
	return nil
}

// returns says whether c goes on with the stream that l records, and since when
// that was without a publisher. A record that is still live though its worker
// was lost, and the box may have been off for long, says nothing of when: the
// logs do.
func (r *records) returns(ctx context.Context, l *bus.StreamRecord, c claim, at int64) (yes bool, lost int64, err error) {
	if l.App != c.app || l.KeyID != c.keyID {
		return false, at, nil
	}
	switch {
	case l.State == bus.StateGrace:
		return at-l.PausedAt <= l.Grace, l.PausedAt, nil
	case l.State != bus.StateLive:
		return false, at, nil
	case l.Ingest == r.bus.ID():
		return true, at, nil
	}
	seen, err := r.seen(ctx, l)
	return at-seen <= r.cfg.Grace.Milliseconds(), seen, err
}

// seen is the last sign of life of a stream whose record is live, unix ms.
func (r *records) seen(ctx context.Context, l *bus.StreamRecord) (int64, error) {
	stored, err := r.bus.LastStored(ctx, l.SID)
	if errors.Is(err, bus.ErrNotFound) {
		return l.StartedAt, nil
	}
	return max(l.StartedAt, stored.UnixMilli()), err
}

// describe notes in a record what the stream is made of.
func (f *format) describe(l *bus.StreamRecord) {
	l.VideoCodec, l.AudioCodec, l.Width, l.Height, l.FPS = "", "", 0, 0, 0
	if f.video != nil {
		l.VideoCodec, l.Width, l.Height, l.FPS = f.codec, f.width, f.height, f.fps
	}
	if f.audio != nil {
		l.AudioCodec = bus.CodecAAC
	}
	l.SoundTrails, l.ClocksApart = f.trails, f.apart
}

// redescribe notes in the record of l's epoch that the format changed.
func (r *records) redescribe(f *format, l *bus.StreamRecord) {
	ctx, cancel := context.WithTimeout(r.hard, 5*time.Second)
	defer cancel()
	_, err := r.bus.UpdateStreamRecord(ctx, l.SID, func(fresh *bus.StreamRecord) error {
		if fresh.Session != l.Session || fresh.Epoch != l.Epoch {
			return errStale
		}
		f.describe(fresh)
		return nil
	})
	if err != nil && !errors.Is(err, errStale) {
		r.log.Warn("stream's new format is not on record", zap.String("stream", l.Name), zap.Error(err))
	}
}

// pause moves the record of l's epoch from live to grace, as of a time of day.
func (r *records) pause(ctx context.Context, l *bus.StreamRecord, last uint64, at int64, grace time.Duration, reason string) error {
	if last == 0 {
		if c, err := r.bus.LastChunk(ctx, l.SID); err == nil {
			last = c.Seq
		}
	}
	return r.transition(ctx, l, bus.StateLive, func(l *bus.StreamRecord) {
		l.State, l.PausedAt, l.Grace, l.LastMedia, l.Reason = bus.StateGrace, at, grace.Milliseconds(), last, reason
		owe(l, interrupted(l, at))
	})
}

// finish moves the record of l's epoch from grace to ended.
func (r *records) finish(ctx context.Context, l *bus.StreamRecord) error {
	return r.transition(ctx, l, bus.StateGrace, func(l *bus.StreamRecord) {
		l.State, l.EndedAt = bus.StateEnded, now()
		owe(l, ended(l, l.EndedAt, l.Reason))
	})
}

// transition changes the record if it is still at l's epoch and in the state from.
func (r *records) transition(ctx context.Context, l *bus.StreamRecord, from string, change func(*bus.StreamRecord)) error {
	_, err := r.bus.UpdateStreamRecord(ctx, l.SID, func(fresh *bus.StreamRecord) error {
		if fresh.State != from || fresh.Session != l.Session || fresh.Epoch != l.Epoch {
			return errStale
		}
		oweOld(fresh)
		change(fresh)
		return nil
	})
	if errors.Is(err, errStale) {
		return nil
	}
	if err == nil {
		r.announcer.announce(l.SID)
	}
	return err
}
