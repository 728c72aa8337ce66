package signal

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/replay"
	"go.uber.org/zap"
)

// follower reads the log of calls, from a minute ago on, into the replay buffer.
type follower struct {
	shared   shared
	presence *presence
	buffer   *replay.Buffer
	log      *zap.Logger
	caughtUp atomic.Bool // the log was read to its end
}

// run reads until ctx ends, which is no error.
func (f *follower) run(ctx context.Context) error {
	select {
	case <-f.presence.synced:
	case <-ctx.Done():
		return nil
	}
	log, empty := f.open(ctx)
	if log == nil {
		return nil
	}
	defer log.Stop()
	f.remember()
	f.caughtUp.Store(empty)
	for {
		seq, signals, pending, err := log.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, bus.ErrBadSignals):
			f.log.Error("an entry of the log of calls is lost", zap.Uint64("number", seq), zap.Error(err))
			continue
		case err != nil:
			return err
		}
		f.buffer.Add(seq, signals, time.Now())
		if pending == 0 {
			f.caughtUp.Store(true)
		}
	}
}

// open tries until the log can be read, or ctx ends; nil then.
func (f *follower) open(ctx context.Context) (log signalLog, empty bool) {
	for {
		log, empty, err := f.shared.followSignals(ctx, time.Now().Add(-bus.CallsAge))
		if err == nil {
			return log, empty
		}
		if !sleep.For(ctx, 100*time.Millisecond) {
			return nil, false
		}
		f.log.Debug("the log of calls cannot be read yet", zap.Error(err))
	}
}

// remember tells the buffer of the members that were there before this worker. Those
// that joined here meanwhile are yet to be welcomed: what comes for them is kept.
func (f *follower) remember() {
	var there []membership
	f.presence.each(func(r *bus.Room) {
		for _, m := range r.Present() {
			if m.Worker != f.shared.ID() {
				there = append(there, membership{room: r.Name, socketID: m.SID, recoverable: m.PID != ""})
			}
		}
	})
	for _, m := range there {
		f.buffer.Remember(m.room, m.socketID, m.recoverable)
	}
}
