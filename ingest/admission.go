package ingest

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/limit"
	"go.uber.org/zap"
)

// admission says who gets a name.
type admission struct {
	bus        *bus.Bus
	cfg        Config
	publishers *publishers
	records    *records
}

const (
	// silence is how long a publisher sends nothing before another encoder with its key
	// may take over.
	silence = time.Second
	// patience is how long that one waits for such a silence: what is on the way from a connection that is
	// lost comes at once.
	patience  = 1500 * time.Millisecond
	lookEvery = 100 * time.Millisecond
)

// admit gives s its name, or says why not. The same publisher who comes again
// takes over from a connection that sends nothing any more, or if it says so; anyone else is refused
// while that one lives.
func (a *admission) admit(ctx context.Context, s *session) error {
	if err := a.askHook(ctx, s); err != nil {
		return err
	}
	for {
		other := a.publishers.acquire(s)
		if other == nil {
			break
		}
		if !a.same(s, other) {
			return busy(s.name)
		}
		if !s.takesOver && a.goesOn(ctx, other.quiet, other.done) {
			return taken(s.name)
		}
		other.superseded.Store(true)
		other.cut(errReturned)
		select {
		case <-other.done:
		case <-ctx.Done():
			return rtmp.Errorf(rtmp.CodeBadName, "%q is still being stored from the connection before; try again in a moment", s.name)
		}
	}
	err := a.elsewhere(ctx, s)
	if err != nil {
		a.publishers.release(s)
	}
	return err
}

// goesOn says whether a publisher sends media while another one waits for its name. quiet is for how
// long it has sent none, done is closed when it has ended.
func (a *admission) goesOn(ctx context.Context, quiet func() time.Duration, done <-chan struct{}) bool {
	until := time.Now().Add(patience)
	for {
		q, left := quiet(), time.Until(until)
		if q >= silence {
			return false
		}
		if left <= 0 {
			return true
		}
		wait := time.NewTimer(min(silence-q, left, lookEvery))
		select {
		case <-wait.C:
		case <-done:
			wait.Stop()
			return false
		case <-ctx.Done():
			wait.Stop()
			return true
		}
	}
}

// same says whether two sessions are of one publisher: the same key, or where
// keys are off the same address.
func (a *admission) same(s, o *session) bool {
	if a.cfg.Open {
		return limit.AddressOf(s.peer.Addr) == limit.AddressOf(o.peer.Addr)
	}
	return s.keyID == o.keyID
}

// elsewhere refuses s if another worker's publisher has its name, and another key or
// media to send.
func (a *admission) elsewhere(ctx context.Context, s *session) error {
	l, err := a.bus.GetStreamRecord(ctx, s.sid)
	if err != nil || l.State == bus.StateEnded {
		return a.room() // no bus: begin will see
	}
	if err := a.records.held(ctx, l, s.claim); err != nil {
		return err
	}
	if l.State != bus.StateLive || l.Ingest == a.bus.ID() || s.takesOver || !a.bus.Alive(ctx, l.Ingest) {
		return nil
	}
	f := follow{bus: a.bus, sid: s.sid}
	if a.goesOn(ctx, func() time.Duration { return f.quiet(ctx) }, nil) {
		return taken(s.name)
	}
	return nil
}

// follow looks at what another worker stores of a stream.
type follow struct {
	bus  *bus.Bus
	sid  string
	seq  uint64
	seen time.Time // when seq became another
}

// quiet is for how long nothing was stored, as far as was seen.
func (f *follow) quiet(ctx context.Context) time.Duration {
	now := time.Now()
	if c, err := f.bus.LastChunk(ctx, f.sid); f.seen.IsZero() || err == nil && c.Seq != f.seq {
		f.seen = now
		if err == nil {
			f.seq = c.Seq
		}
	}
	return now.Sub(f.seen)
}

// room refuses who would begin a stream that there is no room for.
func (a *admission) room() error {
	if a.cfg.Room == nil {
		return nil
	}
	if err := a.cfg.Room(); err != nil {
		return rtmp.Errorf(rtmp.CodeFailed, "no stream can begin here now: %v", err)
	}
	return nil
}

func (a *admission) askHook(ctx context.Context, s *session) error {
	v, err := bus.AskHook(ctx, a.bus, bus.PublishHook{
		Name: s.name, App: s.app, Addr: s.peer.Addr.String(), KeyID: s.keyID, Client: s.format.software,
	}, a.cfg.Hook)
	if err != nil {
		s.log.Warn("hook publish", zap.Error(err))
		if !v.Allow { // no verdict is no veto for good
			return rtmp.Errorf(rtmp.CodeFailed, "%s; try again in a moment", v.Reason)
		}
	}
	if !v.Allow {
		if v.Reason == "" {
			v.Reason = "no reason given; ask the owner of this server"
		}
		return rtmp.Errorf(rtmp.CodeDenied, "publishing was refused: %s", printable(v.Reason))
	}
	return nil
}
