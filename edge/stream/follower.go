package stream

import (
	"context"
	"errors"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"go.uber.org/zap"
)

// quiet is how long the log may say nothing, while its history is read,
// before it is taken to have said all: messages that were counted may age out.
const quiet = 2 * time.Second

// follow reads the stream's parts for ever: what the log holds by headers
// only, so that a restarted edge answers soon, and from there on with media.
func (s *Stream) follow(ctx context.Context) {
	log := s.source.log.With(zap.String("stream", s.name))
	var next uint64
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var err error
		if next, err = s.history(ctx); err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		log.Warn("cannot read the parts log, trying again", zap.Error(err))
		sleep.For(ctx, pause)
	}
	close(s.loaded)
	for pause := 50 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, time.Second) {
		r, err := s.source.bus.FollowParts(ctx, s.sid, next, false)
		if err == nil {
			next, err = s.goOn(ctx, r, next)
			r.Stop()
		}
		if ctx.Err() == nil {
			log.Warn("cannot follow the parts log, trying again", zap.Error(err))
			sleep.For(ctx, pause)
		}
	}
}

// history applies what the log holds now, and returns the number that comes next.
func (s *Stream) history(ctx context.Context) (next uint64, err error) {
	names, err := s.source.bus.Renditions(ctx, s.sid)
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		return 0, nil
	}
	r, err := s.source.bus.FollowParts(ctx, s.sid, 0, true)
	if err != nil {
		return 0, err
	}
	defer r.Stop()
	for {
		part, pending, err := nextPart(ctx, r)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			return next, nil
		case err != nil:
			return next, err
		}
		s.apply(part)
		next = part.Seq + 1
		if pending == 0 {
			return next, nil
		}
	}
}

func nextPart(ctx context.Context, r *bus.PartReader) (*bus.Part, uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	return r.Next(ctx)
}

// goOn applies what comes from now on, until it cannot be read, and returns the
// number that comes next.
func (s *Stream) goOn(ctx context.Context, r *bus.PartReader, next uint64) (uint64, error) {
	for {
		p, _, err := r.Next(ctx)
		if err != nil {
			return next, err
		}
		s.apply(p)
		next = p.Seq + 1
		s.source.parts.Add(1)
	}
}
