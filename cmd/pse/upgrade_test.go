package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// oldest is the oldest version that may run beside this one (README, "Upgrades"):
// that of 23 November 2026.
const oldest = "a993e27"

// programOf builds the program as it was at a commit.
func programOf(t *testing.T, commit string) string {
	t.Helper()
	tree, bin := filepath.Join(t.TempDir(), "tree"), filepath.Join(t.TempDir(), "pse")
	for _, args := range [][]string{
		{"git", "worktree", "add", "--detach", tree, commit},
		{"cp", "-a", "../../web/dist", filepath.Join(tree, "web")},
		{"go", "build", "-C", tree, "-o", bin, "./cmd/pse"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("git", "worktree", "remove", "--force", tree).Run() })
	return bin
}

// Workers of an older version are replaced one after the other, in the order of the
// README, while a stream, a call and an upload go on: neither a strict viewer nor a
// reader of the log finds anything, no message and no byte is lost.
func TestRollingUpgrade(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Log("it builds another version, which takes minutes: only with PSE_LONG=1")
		return
	}
	w := splitWorldOf(t, programOf(t, oldest))
	w.witness = nil // it does not say yet what it holds in memory
	const first, each = 8 * time.Second, 5 * time.Second
	s := planSession{}
	for _, kind := range []string{"edge", "signal", "transfer", "turn", "transcode", "ingest", "bus"} {
		for _, unit := range w.victims {
			if name, _, _ := strings.Cut(unit, "-"); name == kind {
				s.kills = append(s.kills, planKill{at: first + time.Duration(len(s.kills))*each, unit: unit, term: true, bin: binary(t)})
			}
		}
	}
	span := first + time.Duration(len(s.kills)+1)*each
	s.takes = []planTake{{shots: []planShot{{sound: true, span: span}}}}

	ctx, cancel := context.WithTimeout(t.Context(), span+time.Minute)
	defer cancel()
	var beside sync.WaitGroup
	going, done := context.WithTimeout(ctx, span)
	defer done()
	beside.Go(func() { talksOn(ctx, t, w.calls, going) })
	beside.Go(func() {
		url := master(w.edges[len(w.edges)-1])
		for ctx.Err() == nil {
			if _, err := get(url, 200); err == nil {
				break
			}
			sleep.For(ctx, 100*time.Millisecond)
		}
		rep, err := hlscheck.Check(ctx, url, hlscheck.Options{Duration: span, Late: busy, Slack: 5 * time.Second, Outage: 5 * time.Second})
		if err != nil {
			t.Errorf("viewer of the edge that stays: %v", err)
			return
		}
		for _, f := range rep.Findings {
			t.Errorf("viewer of the edge that stays: %v", f)
		}
		for _, r := range rep.Watched {
			t.Logf("%s: %d parts, the longest wait for one %v, %d discontinuities", r.Rendition, r.Parts, r.PartGap.Round(time.Millisecond), r.Discontinuities)
		}
	})
	restarts(t, w, func(seed uint64, _ []string) *restartPlan {
		return &restartPlan{seed: seed, sessions: []planSession{s}}
	})
	beside.Wait()
}

// talksOn has two people of a call, each at either worker, tell each other something
// until going ends: all of it comes.
func talksOn(ctx context.Context, t *testing.T, at []string, going context.Context) {
	var both []*signaltest.Talker
	for i := range at {
		var tries atomic.Int64
		k := signaltest.Talk(t, "upgrade", func() string { return "http://" + at[(i+int(tries.Add(1)))%len(at)] })
		defer k.Close()
		both = append(both, k)
	}
	until := func(what string, ok func(*signaltest.Talker) bool) {
		for slices.ContainsFunc(both, func(k *signaltest.Talker) bool { return !ok(k) }) {
			if !sleep.For(ctx, 50*time.Millisecond) {
				t.Errorf("not so: %s: %v", what, both)
				return
			}
		}
	}
	until("both are there", (*signaltest.Talker).Ready)
	said := 0
	for ; going.Err() == nil; said++ {
		for _, k := range both {
			k.Allow(1)
		}
		sleep.For(ctx, 100*time.Millisecond)
	}
	until("all has come", func(k *signaltest.Talker) bool { return k.Done(said) })
	t.Logf("%d messages each way", said)
}
