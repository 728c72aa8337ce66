package bus

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// A log that is full forgets early, and in silence: viewers can go back less far,
// and subscribers that were away miss events. Somebody says so.

// what becomes of a log that is full, and what to change.
var fullLogs = map[string]string{
	logHLS:    "viewers can go back less far; raise bus.hls_bytes, or lower bus.dvr",
	logMedia:  "a transcoder that was away finds less of the source; lower bus.media_age, or have fewer streams on one bus",
	logEvents: "subscribers that were away for longer miss some",
	logCalls:  "who comes back to a call may have missed some",
}

// Full is which logs do not reach back as far as they are to, since they hold as
// many bytes as they may, and what to do; nil: all do.
func (s *Server) Full() error {
	var all []error
	s.eachLog(func(l server.StreamDetail) {
		so, ours := fullLogs[l.Name]
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
func (s *Server) eachLog(f func(server.StreamDetail)) {
	info, err := s.current().Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil {
		return // it stops just now
	}
	for _, account := range info.AccountDetails {
		for _, l := range account.Streams {
			f(l)
		}
	}
}
