package ingest

import (
	"context"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"go.uber.org/zap"
)

// cut ends the connection from outside, with the reason for it; but where it only stores what
// came: its connection may publish something else by then.
func (s *session) cut(why *rtmp.StatusError) {
	s.reason.CompareAndSwap(nil, why)
	if !s.over.Load() {
		s.peer.Cut(why)
	}
	s.cancel()
}

// End lets go of the name when all media is stored, as rtmp.Sink says.
func (s *session) End(clean bool, why *rtmp.StatusError) {
	s.once.Do(func() {
		s.over.Store(true)
		s.clean.Store(clean)
		if why != nil && !clean && s.shared.ctx.Err() == nil {
			s.reason.CompareAndSwap(nil, why)
		}
		s.shared.wg.Go(func() {
			defer close(s.done)
			defer s.cancel()
			defer s.release()
			s.finishOpus()
			if err := s.closeUnit(); err != nil {
				s.log.Debug("the last picture is not stored", zap.Error(err))
			}
			if s.rec == nil {
				return
			}
			if s.supersededElsewhere.Load() {
				s.rec.abandon()
			} else {
				s.mix.pump(true)
				s.rec.close()
			}
			<-s.rec.done
			s.shared.stats.live.Dec()
			s.log.Info("publisher is gone", zap.Bool("clean", s.clean.Load()), zap.String("reason", s.why()))
			if !s.superseded.Load() {
				s.interrupted()
			}
		})
	})
}

// interrupted notes that the publisher is gone. What the bus does not take
// now the reconciler notes later: it sees a live record that nobody holds.
func (s *session) interrupted() {
	ctx, cancel := context.WithTimeout(s.shared.hard, 5*time.Second)
	defer cancel()
	grace := s.shared.cfg.Grace
	switch {
	case s.revoked.Load():
		grace = 0
	case s.clean.Load():
		grace = s.shared.cfg.GraceClean
	}
	if err := s.shared.records.pause(ctx, s.live.Load(), s.rec.lastSeq(), now(), grace, s.why()); err != nil {
		s.log.Warn("stream's end is not on record yet", zap.Error(err))
	}
}

// why is the reason for the end, for people.
func (s *session) why() string {
	if r := s.reason.Load(); r != nil {
		return r.Text
	}
	if s.clean.Load() {
		return "the publisher stopped"
	}
	if s.shared.ctx.Err() != nil {
		return "the server stopped"
	}
	return "the publisher's connection was lost"
}

// overtaken says whether the record l shows that another publisher goes on with s's stream,
// at another worker than here.
func (s *session) overtaken(l *bus.StreamRecord, here string) bool {
	mine := s.live.Load()
	return mine != nil && l.State == bus.StateLive && l.Ingest != here && l.StartedAt >= mine.StartedAt &&
		(l.Session != mine.Session || l.Epoch > mine.Epoch)
}
