package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"go.uber.org/zap"
)

// rig is a worker on a real bus, and what a test needs around it.
type rig struct {
	t    *testing.T
	bus  *bus.Bus
	keys *access.Keys
	key  bus.Key
	w    *Worker
	stop func() // ends the worker, and waits for it
}

// newRig runs a worker on a bus of its own. change may alter its configuration.
func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	return newRigWith(t, bustest.New(t), bustest.Log(t), change)
}

func newRigWith(t *testing.T, b *bus.Bus, log *zap.Logger, change func(*Config)) *rig {
	t.Helper()
	keys, err := access.NewKeys(t.Context(), b, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	key, err := keys.Add(t.Context(), "test", "")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, bus: b, keys: keys, key: key}
	r.w, r.stop = runWorker(t, b, keys, log, change)
	return r
}

func runWorker(t testing.TB, b *bus.Bus, keys *access.Keys, log *zap.Logger, change func(*Config)) (*Worker, func()) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Listen = "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	var secure *tls.Config
	if cfg.TLSListen != "" {
		secure = certificatetest.Config(t)
	}
	w, err := New(cfg, b, keys, secure, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return w, stop
}

// url is where to publish name with the rig's key.
func (r *rig) url(name string) string {
	return "rtmp://" + r.w.Addr().String() + "/live/" + name + "?key=" + r.key.Secret
}

// untilLive waits until a stream's record is as it should be.
func (r *rig) untilLive(name, what string, ok func(*bus.StreamRecord) bool) *bus.StreamRecord {
	r.t.Helper()
	var l *bus.StreamRecord
	bustest.Eventually(r.t, name+" to be "+what, func() bool {
		var err error
		l, err = r.bus.GetStreamRecord(r.t.Context(), name)
		if err != nil && !errors.Is(err, bus.ErrNotFound) {
			r.t.Fatal(err)
		}
		return err == nil && ok(l)
	})
	return l
}

func inState(state string) func(*bus.StreamRecord) bool {
	return func(l *bus.StreamRecord) bool { return l.State == state }
}

// chunks reads all chunks of an ended (or paused) stream.
func (r *rig) chunks(name string) []*bus.Chunk {
	r.t.Helper()
	last, err := r.bus.LastChunk(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	rd, err := r.bus.FollowMedia(r.t.Context(), name, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rd.Stop()
	var all []*bus.Chunk
	for {
		c, err := rd.Next(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		if n := len(all); n == 0 || c.Epoch > all[n-1].Epoch || c.Epoch == all[n-1].Epoch && c.N > all[n-1].N {
			all = append(all, c) // readers skip what comes twice, or late
		}
		if c.Seq == last.Seq {
			return all
		}
	}
}

// stored waits until the log has a stream's media of this clock.
func (r *rig) stored(name string, clock int64) {
	r.t.Helper()
	bustest.Eventually(r.t, "media of "+name+" in the log", func() bool {
		c, err := r.bus.LastChunk(r.t.Context(), name)
		return err == nil && c.DTS >= clock
	})
}

// ffmpeg runs the real thing and returns what it said. It has 60 s.
func ffmpeg(t *testing.T, args ...string) (stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-v", "info"}, args...)...)
	var out bytes.Buffer
	cmd.Stderr = &out
	err = cmd.Run()
	return out.String(), err
}

// pattern is ffmpeg's arguments for a small moving picture, at 25 frames a
// second and one IDR a second, with a tone.
func pattern(seconds string, more ...string) []string {
	return append(strings.Fields("-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t "+seconds+
		" -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -b:v 300k -c:a aac -b:a 64k -ac 2"), more...)
}
