package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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

	c := newUpgradeCall(w.calls)
	ctx, cancel := context.WithTimeout(t.Context(), span+time.Minute)
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() {
		if err := c.run(ctx, span); err != nil {
			t.Errorf("call: %v", err)
		}
	})
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

// upgradeCall is two people of whom one counts for the other.
type upgradeCall struct {
	at []string

	mu  sync.Mutex
	got []int  // guarded by mu
	who string // guarded by mu: the other's id
}

func newUpgradeCall(at []string) *upgradeCall { return &upgradeCall{at: at} }

// run counts for so long, and waits until all of it has come, once and in order.
func (c *upgradeCall) run(ctx context.Context, span time.Duration) error {
	tries := 0
	var mu sync.Mutex
	url := func() string {
		mu.Lock()
		defer mu.Unlock()
		tries++
		return "http://" + c.at[tries%len(c.at)]
	}
	join := func(event func(*signaltest.Client, signaltest.Event)) *signaltest.Client {
		return signaltest.Join(ctx, signaltest.Options{URL: url, Room: "upgrade", Auth: `{"v":2}`, Stay: true, Event: event})
	}
	teller := join(func(_ *signaltest.Client, e signaltest.Event) {
		if e.Name != "join" {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.who = string(e.Args[0])
	})
	defer teller.Close()
	if !sleep.For(ctx, time.Second) {
		return ctx.Err()
	}
	hearer := join(func(_ *signaltest.Client, e signaltest.Event) {
		if e.Name != "message" {
			return
		}
		if n, err := strconv.Atoi(string(e.Args[0])); err == nil { // else a goodbye
			c.mu.Lock()
			defer c.mu.Unlock()
			c.got = append(c.got, n)
		}
	})
	defer hearer.Close()
	sent := 0
	for began := time.Now(); time.Since(began) < span; {
		c.mu.Lock()
		who := c.who
		c.mu.Unlock()
		acked := make(chan struct{})
		for who != "" { // the same again until it is acknowledged, as clients do
			err := teller.Emit(sync.OnceFunc(func() { close(acked) }), `"message"`, strconv.Itoa(sent), who, strconv.Quote(fmt.Sprint("upgrade-", sent)))
			if err == nil {
				select {
				case <-acked:
					sent++
					who = ""
				case <-time.After(2 * time.Second):
				case <-ctx.Done():
					return fmt.Errorf("message %d is not acknowledged: %w", sent, ctx.Err())
				}
			}
			if !sleep.For(ctx, 50*time.Millisecond) {
				return ctx.Err()
			}
		}
		sleep.For(ctx, 100*time.Millisecond)
	}
	if sent == 0 {
		return errors.New("the two have not met")
	}
	want := make([]int, sent)
	for i := range want {
		want[i] = i
	}
	for {
		c.mu.Lock()
		got := slices.Clone(c.got)
		c.mu.Unlock()
		if slices.Equal(got, want) {
			return nil
		}
		if !sleep.For(ctx, 100*time.Millisecond) {
			return fmt.Errorf("of %d messages came %v", sent, got)
		}
	}
}
