package ingest

import (
	"context"

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

// admit gives s its name, or says why not. The same publisher who comes again
// takes over from the connection before; anyone else is refused while that one lives.
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

// same says whether two sessions are of one publisher: the same key, or where
// keys are off the same address.
func (a *admission) same(s, o *session) bool {
	if a.cfg.Open {
		return limit.AddressOf(s.peer.Addr) == limit.AddressOf(o.peer.Addr)
	}
	return s.keyID == o.keyID
}

// elsewhere refuses s if another worker's publisher has its name.
func (a *admission) elsewhere(ctx context.Context, s *session) error {
	l, err := a.bus.GetStreamRecord(ctx, s.sid)
	if err != nil || l.State == bus.StateEnded {
		return a.room() // no bus: begin will see
	}
	return a.records.held(ctx, l, s.claim)
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
