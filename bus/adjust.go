package bus

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
)

// Logs that are there follow the settings of who starts. Two processes with
// different settings must not take turns at a log, so each changes it once, when
// it starts: the one that was started last has its way, and the other says that.
// A process changes only what its owner has set: what it has by default may well
// be set elsewhere.

// lookAtLogs is how often a process sees whether its logs are still as it set them.
const lookAtLogs = 10 * time.Minute

// adjuster has the logs that are there follow what is given here.
type adjuster struct {
	c      *conn.Conn
	log    *zap.Logger
	want   LogConfig
	server *Server // of this process, if that has them
}

// A difference is a setting of a log that is not as this process has it.
type difference struct {
	setting string
	have    string
	want    string
	set     func(*jetstream.StreamConfig) // nil: it cannot be changed
}

// String implements fmt.Stringer.
func (d difference) String() string { return fmt.Sprintf("%s: %s, was %s", d.setting, d.want, d.have) }

// differences are those of a log that is there to what is given here.
func (c LogConfig) differences(have, want jetstream.StreamConfig) (all []difference) {
	differ := func(given bool, setting string, have, want any, set func(*jetstream.StreamConfig)) {
		if given && have != want {
			all = append(all, difference{setting: setting, have: fmt.Sprint(have), want: fmt.Sprint(want), set: set})
		}
	}
	differ(c.Given.Replicas, "bus.replicas", have.Replicas, want.Replicas, func(s *jetstream.StreamConfig) { s.Replicas = want.Replicas })
	if strings.HasPrefix(want.Name, "KV_") {
		return all // nothing else of a bucket is a setting
	}
	age, size, rest := c.Given.Rest, c.Given.Rest, c.Given.Rest
	ageIs, sizeIs := "max_age", "max_bytes"
	switch want.Name {
	case logMedia:
		age, rest, ageIs = c.Given.MediaAge, c.Given.MediaAge && c.Given.Rest, "bus.media_age"
	case logHLS:
		age, ageIs = c.Given.DVR, "max_age (by bus.dvr)"
		size, sizeIs = c.Given.HLSBytes, "bus.hls_bytes"
		differ(c.Given.HLSMemory, "bus.hls_memory", have.Storage == jetstream.MemoryStorage, want.Storage == jetstream.MemoryStorage, nil)
	}
	differ(age, ageIs, have.MaxAge, want.MaxAge, func(s *jetstream.StreamConfig) { s.MaxAge, s.Duplicates = want.MaxAge, want.Duplicates })
	differ(size, sizeIs, have.MaxBytes, want.MaxBytes, func(s *jetstream.StreamConfig) { s.MaxBytes = want.MaxBytes })
	if want.MaxMsgsPerSubject > 0 {
		differ(rest, "max_msgs_per_subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject, func(s *jetstream.StreamConfig) { s.MaxMsgsPerSubject = want.MaxMsgsPerSubject })
	}
	differ(rest, "duplicates", have.Duplicates, want.Duplicates, func(s *jetstream.StreamConfig) { s.Duplicates = want.Duplicates })
	return all
}

// all are the logs as they would be made, those of the buckets too.
func (c LogConfig) all(now time.Time) []jetstream.StreamConfig {
	all := c.streams(now)
	for _, kc := range c.buckets() {
		all = append(all, jetstream.StreamConfig{Name: "KV_" + kc.Bucket, Replicas: kc.Replicas})
	}
	return all
}

// adjust changes the logs that are there to what is given here, and says
// what it changed and what it could not. done: all is as it can be.
func (a *adjuster) adjust(ctx context.Context) (done bool) {
	done = true
	var changed []string
	for _, want := range a.want.all(time.Now()) {
		lines, err := a.adjustLog(ctx, want)
		changed = append(changed, lines...)
		if err != nil {
			done = false
			a.log.Warn("a log keeps its old settings", zap.String("log", want.Name), zap.Error(a.c.Explain(err)))
		}
	}
	if len(changed) > 0 {
		a.log.Info("logs that were there follow the settings", zap.Strings("changed", changed))
	}
	return done
}

func (a *adjuster) adjustLog(ctx context.Context, want jetstream.StreamConfig) (changed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, conn.RequestTimeout)
	defer cancel()
	s, err := a.c.JetStream().Stream(ctx, want.Name)
	if err != nil {
		return nil, err
	}
	to := s.CachedInfo().Config
	for _, d := range a.want.differences(to, want) {
		if d.set == nil {
			a.log.Warn("a log cannot follow its setting", zap.String("log", want.Name), zap.String("setting", d.setting),
				zap.String("is", d.have), zap.String("wanted", d.want), zap.String("so", a.moveLog(want.Name)))
			continue
		}
		d.set(&to)
		changed = append(changed, want.Name+" "+d.String())
	}
	if len(changed) == 0 {
		return nil, nil
	}
	if _, err := a.c.JetStream().UpdateStream(ctx, to); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(changed, "; "), err)
	}
	return changed, nil
}

// moveLog is what an owner can do about a log that is in files and is to be in
// memory, or the other way round.
func (a *adjuster) moveLog(name string) string {
	if a.server != nil {
		return "leave the setting as it was, or stop pse, remove " + a.server.Dir() + "/jetstream/PSE/streams/" + name + ", and start it again: viewers lose the window"
	}
	return "leave the setting as it was, or remove the log while no stream is on (nats stream rm " + name + "): it is made anew, viewers lose the window"
}

// compare says once of each setting that another process has changed it.
func (a *adjuster) compare(ctx context.Context, said map[string]bool) {
	for _, want := range a.want.all(time.Now()) {
		ctx, cancel := context.WithTimeout(ctx, conn.RequestTimeout)
		s, err := a.c.JetStream().Stream(ctx, want.Name)
		cancel()
		if err != nil {
			continue // when it is there again
		}
		for _, d := range a.want.differences(s.CachedInfo().Config, want) {
			if text := fmt.Sprint(d.setting, d.have); d.set != nil && !said[text] {
				said[text] = true
				a.log.Warn("another worker, which was started later, has set a log otherwise; give all the same settings",
					zap.String("log", want.Name), zap.String("setting", d.setting), zap.String("here", d.want), zap.String("there", d.have))
			}
		}
	}
}

// keep adjusts the logs until that succeeds, and then looks whether they stay so,
// until ctx ends.
func (a *adjuster) keep(ctx context.Context, done bool) {
	said := map[string]bool{}
	t := time.NewTicker(lookAtLogs)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.c.Remade():
		case <-t.C:
		}
		if !done {
			done = a.adjust(ctx)
		} else {
			a.compare(ctx, said)
		}
	}
}
