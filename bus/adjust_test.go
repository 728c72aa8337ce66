package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/natstest"
	"github.com/helios-h2020/pse/internal/sleep"
)

// restarted is another process on a bus, with other settings; it gives what it said.
func restarted(t *testing.T, url string, logs LogConfig) (*Bus, *observer.ObservedLogs) {
	t.Helper()
	core, said := observer.New(zap.InfoLevel)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := Connect(ctx, Options{URL: url, Name: "test", Logs: logs, Adjust: true}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, said
}

func configOf(t *testing.T, b *Bus, log string) jetstream.StreamConfig {
	t.Helper()
	s, err := b.conn.JetStream().Stream(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func text(said *observer.ObservedLogs) string {
	var lines []string
	for _, e := range said.All() {
		lines = append(lines, fmt.Sprint(e.Message, " ", e.ContextMap()))
	}
	return strings.Join(lines, "\n")
}

// Logs that are there follow what is given to whoever starts last, and nothing
// that is not given.
func TestLogsFollowTheSettings(t *testing.T) {
	url := foreign(t, func(*server.Options) {}).ClientURL()
	first, said := restarted(t, url, LogConfig{})
	if said.Len() > 0 {
		t.Errorf("logs just made: %s", text(said))
	}
	b, said := restarted(t, url, LogConfig{DVR: 4 * time.Minute, MediaAge: 20 * time.Second, HLSBytes: 1 << 30, Given: Given{DVR: true, MediaAge: true, HLSBytes: true}})
	for log, want := range map[string]struct {
		age  time.Duration
		size int64
	}{logHLS: {PartsAge(4 * time.Minute), 1 << 30}, logMedia: {20 * time.Second, 2 << 30}, logEvents: {7 * 24 * time.Hour, 1 << 30}} {
		if c := configOf(t, b, log); c.MaxAge != want.age || c.MaxBytes != want.size {
			t.Errorf("%s: %s, %d bytes", log, c.MaxAge, c.MaxBytes)
		}
	}
	if lines := said.FilterMessage("logs that were there follow the settings"); lines.Len() != 1 || said.Len() != 1 {
		t.Errorf("it says %s", text(said))
	}
	if _, said = restarted(t, url, LogConfig{}); said.Len() > 0 || configOf(t, b, logHLS).MaxBytes != 1<<30 {
		t.Errorf("one without settings has changed something: %s", text(said))
	}
	one, oneSaid := restarted(t, url, LogConfig{DVR: 6 * time.Minute, Given: Given{DVR: true}})
	_, _ = restarted(t, url, LogConfig{DVR: 8 * time.Minute, Given: Given{DVR: true}})
	before := oneSaid.Len()
	told := map[string]bool{}
	for range 3 {
		one.logs.compare(t.Context(), told)
	}
	if n := oneSaid.Len() - before; n != 1 || !strings.Contains(text(oneSaid), "bus.dvr") {
		t.Errorf("%d lines: %s", n, text(oneSaid))
	}
	if c := configOf(t, one, logHLS); c.MaxAge != PartsAge(8*time.Minute) {
		t.Errorf("the one that was started first has changed it again: %s", c.MaxAge)
	}
	works(t, first)
}

// What cannot be changed is said, with what to do.
func TestSettingsThatLogsCannotFollow(t *testing.T) {
	url := foreign(t, func(*server.Options) {}).ClientURL()
	restarted(t, url, LogConfig{})
	for setting, c := range map[string]struct {
		logs LogConfig
		want []string
	}{
		"memory":   {LogConfig{HLSMemory: true, Given: Given{HLSMemory: true}}, []string{"bus.hls_memory", "nats stream rm HLS"}},
		"replicas": {LogConfig{Replicas: 3, Given: Given{Replicas: true}}, []string{"bus.replicas is 3", "not so many servers"}},
	} {
		b, said := restarted(t, url, c.logs)
		for _, want := range c.want {
			if !strings.Contains(text(said), want) {
				t.Errorf("%s: no %q in %s", setting, want, text(said))
			}
		}
		if setting == "memory" && said.Len() > 1 {
			t.Errorf("%s", text(said))
		}
		if _, err := b.UpdateStreamRecord(t.Context(), "a", func(l *StreamRecord) error { l.NextMSN++; return nil }); err != nil {
			t.Errorf("%s: it does not work: %v", setting, err)
		}
	}
}

// A cluster whose logs had one replica gets three under a stream that goes on:
// no part is lost or fenced, none is read twice, no lease is lost, and all is
// still there when a server dies.
func TestReplicasAreAddedUnderAStream(t *testing.T) {
	t.Parallel()
	all := natstest.Cluster(t, 3, nil, func() *server.Options { return &server.Options{JetStream: true, MaxPayload: MaxPayload} })
	url := natstest.URL(all)
	writer, reader := testConnect(t, Options{URL: url, Name: "writer"}), testConnect(t, Options{URL: url, Name: "reader"})
	lease, err := testLeases(t, writer).TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	away := newGauge(t, writer)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var wrote, read, failed atomic.Int64
	wg.Go(func() {
		var after uint64
		for n := int64(0); ctx.Err() == nil; {
			seq, err := writer.PublishPart(ctx, &Part{SID: "a", Rendition: "720p", MSN: uint64(n), Data: make([]byte, 20_000)}, after)
			switch {
			case err == nil:
				after, n = seq, n+1
				wrote.Store(n)
				sleep.For(ctx, 5*time.Millisecond)
			case errors.Is(err, ErrFenced):
				t.Errorf("part %d: %v", n, err)
				return
			default:
				failed.Add(1)
				sleep.For(ctx, 20*time.Millisecond)
			}
		}
	})
	wg.Go(func() {
		r, err := reader.FollowParts(ctx, "a", 0, false)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Stop()
		for n := uint64(0); ; n++ {
			p, _, err := r.Next(ctx)
			if err != nil {
				return
			}
			if p.MSN != n {
				t.Errorf("read part %d, want %d", p.MSN, n)
				return
			}
			read.Store(int64(n + 1))
		}
	})
	goOn := func(what string) {
		t.Helper()
		until := wrote.Load() + 100
		natstest.Eventually(t, what, func() bool { return wrote.Load() >= until && read.Load() >= until })
	}
	goOn("parts are written and read")
	b, said := restarted(t, url, LogConfig{Replicas: 3, Given: Given{Replicas: true}})
	goOn("they go on")
	for _, want := range b.logs.want.all(time.Now()) {
		natstest.Eventually(t, want.Name+" has three replicas", func() bool { return configOf(t, b, want.Name).Replicas == 3 })
	}
	if warned := said.FilterLevelExact(zap.WarnLevel); warned.Len() > 0 && !away.excuses() {
		t.Errorf("it warns: %s", text(warned))
	}
	natstest.Eventually(t, "the replicas are in step", func() bool {
		info, err := conn.Info(ctx, b.conn, logHLS)
		if err != nil || info.Cluster == nil || len(info.Cluster.Replicas) != 2 {
			return false
		}
		return info.Cluster.Replicas[0].Current && info.Cluster.Replicas[1].Current
	})
	select {
	case <-lease.Lost():
		if !away.excuses() {
			t.Errorf("the lease is lost; the bus was away for %v at most", away)
		}
	default:
	}
	t.Logf("%d parts, %d tries that failed meanwhile, the bus away for %v at most", wrote.Load(), failed.Load(), away)
	info, err := conn.Info(ctx, b.conn, logHLS)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name() == info.Cluster.Leader {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}
	goOn("they go on without a server")
}

// Logs that were just made are as they should be.
func TestNothingToAdjust(t *testing.T) {
	b := testBus(t, testServer(t))
	c := b.logs.want
	c.Given = everything
	for _, want := range c.all(time.Now()) {
		s, err := b.conn.JetStream().Stream(t.Context(), want.Name)
		if err != nil {
			t.Fatal(err)
		}
		if all := c.differences(s.CachedInfo().Config, want); len(all) > 0 {
			t.Errorf("%s: %v", want.Name, all)
		}
	}
}
