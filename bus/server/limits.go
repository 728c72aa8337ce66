package server

import (
	"errors"
	"fmt"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// A log that is full forgets early, and in silence: viewers can go back less far,
// and subscribers that were away miss events. Somebody says so.

// Full is which logs do not reach back as far as they are to, since they hold as
// many bytes as they may, and what to do; nil: all do.
func (s *Server) Full() error {
	var all []error
	s.eachLog(func(l natsserver.StreamDetail) {
		so, ours := s.content.Full[l.Name]
		if !ours || l.Config.MaxBytes <= 0 || l.State.Msgs == 0 {
			return
		}
		// What goes makes room for the next: one that is full is not filled to the last byte.
		if full := l.State.Bytes > uint64(l.Config.MaxBytes-l.Config.MaxBytes/16); !full {
			return
		}
		if back := time.Since(l.State.FirstTime); back < l.Config.MaxAge-l.Config.MaxAge/16 {
			all = append(all, fmt.Errorf("log %s is full with %d MiB: it reaches back %s of %s; %s",
				l.Name, l.Config.MaxBytes>>20, back.Round(time.Second), l.Config.MaxAge, so))
		}
	})
	return errors.Join(all...)
}

// sayFull says in the log when one has become full, and when none is any more.
func (s *Server) sayFull(was bool) (is bool) {
	err := s.Full()
	switch {
	case err != nil && !was:
		s.log.Warn("the bus forgets early", zap.Error(err))
	case err == nil && was:
		s.log.Info("the bus forgets as late as it is to")
	}
	return err != nil
}

// eachLog calls f with the state and configuration of each log and bucket.
func (s *Server) eachLog(f func(natsserver.StreamDetail)) {
	info, err := s.current().Jsz(&natsserver.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil {
		return // it stops just now
	}
	for _, account := range info.AccountDetails {
		for _, l := range account.Streams {
			f(l)
		}
	}
}
