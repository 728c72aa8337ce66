package ingest

import (
	"context"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/limit"
)

// admit gives s its name, or says why not. The same publisher who comes again
// takes over from the connection before; anyone else is refused while that one lives.
func (w *Worker) admit(ctx context.Context, s *session) error {
	if err := w.askHook(ctx, s); err != nil {
		return err
	}
	for {
		other := w.publishers.acquire(s)
		if other == nil {
			break
		}
		if !s.same(other) {
			return busy(s.name)
		}
		other.superseded.Store(true)
		other.cut("the publisher came back on another connection")
		select {
		case <-other.done:
		case <-ctx.Done():
			return rtmp.Errorf(rtmp.CodeBadName, "%q is still being stored from the connection before; try again in a moment", s.name)
		}
	}
	err := w.elsewhere(ctx, s)
	if err != nil {
		w.publishers.release(s)
	}
	return err
}

// same says whether two sessions are of one publisher: the same key, or where
// keys are off the same address.
func (s *session) same(o *session) bool {
	if s.w.cfg.Open {
		return limit.AddressOf(s.publisher.addr) == limit.AddressOf(o.publisher.addr)
	}
	return s.keyID == o.keyID
}

// elsewhere refuses s if another worker's publisher has its name.
func (w *Worker) elsewhere(ctx context.Context, s *session) error {
	l, err := w.bus.GetStreamRecord(ctx, s.sid)
	if err != nil || l.State == bus.StateEnded {
		return w.room() // no bus: begin will see
	}
	return w.records.held(ctx, l, s)
}

// room refuses who would begin a stream that there is no room for.
func (w *Worker) room() error {
	if w.cfg.Room == nil {
		return nil
	}
	if err := w.cfg.Room(); err != nil {
		return rtmp.Errorf(rtmp.CodeFailed, "no stream can begin here now: %v", err)
	}
	return nil
}

func busy(name string) *rtmp.StatusError {
	return rtmp.Errorf(rtmp.CodeBadName, "%q is live from another publisher; choose another name, or stop that one", name)
}

func (w *Worker) askHook(ctx context.Context, s *session) error {
	v, err := bus.AskHook(ctx, w.bus, bus.PublishHook{
		Name: s.name, App: s.publisher.app, Addr: s.publisher.addr.String(), KeyID: s.keyID, Client: s.format.software,
	}, w.cfg.Hook)
	if err != nil {
		s.log.Warn("hook publish", zapErr(err))
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
