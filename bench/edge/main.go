// Command edge compares PSE's edge with nginx that serves files, and counts how
// many waiting LL-HLS viewers a core carries.
//
// A made-up stream is put into the parts log of `pse serve bus` on core 1, as a
// transcoder would; `pse serve edge` has core 0 to itself, as nginx has in its
// turn; whoever asks is on core 1. CPU time is the server process's own clock.
// Memory a viewer is what the edge's resident memory grew by, per viewer.
package main

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/process"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each comparison; the median is shown")
	took := flag.Duration("time", 4*time.Second, "how long one measurement takes")
	profile := flag.String("profile", "", "file for a CPU profile of PSE answering playlist requests")
	round.Main("edge", func(ctx context.Context, bin, dir string) error {
		return run(ctx, bin, dir, *rounds, *took, *profile)
	})
}

func run(ctx context.Context, bin, dir string, rounds int, took time.Duration, profile string) error {
	if err := process.PinSelf(1); err != nil {
		return err
	}
	files := unix.Rlimit{Cur: 20000, Max: 20000}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("allow 20000 open files: %w", err)
	}
	data := filepath.Join(dir, "bus")
	hub, err := process.StartPSE(ctx, process.PSEOptions{Bin: bin, Data: data, Workers: []string{"bus"}, CPU: 1, Set: []string{"bus.listen=127.0.0.1:0", "log.level=error"}})
	if err != nil {
		return err
	}
	defer hub.Stop()
	url, err := process.BusURL(data)
	if err != nil {
		return err
	}
	var edges int
	startEdge := func() (*process.PSE, error) {
		edges++
		return process.StartPSE(ctx, process.PSEOptions{
			Bin: bin, Data: filepath.Join(dir, fmt.Sprint("edge", edges)), Bus: url, Workers: []string{"edge"}, CPU: 0,
			Env: []string{"GOMAXPROCS=1"}, Set: []string{"log.level=error"},
		})
	}
	b, err := bus.Connect(ctx, bus.Options{URL: url, Name: "bench"}, zap.NewNop())
	if err != nil {
		return err
	}
	defer b.Close()

	still, err := newStream(ctx, b, "static", 500*time.Millisecond, 4, 250_000)
	if err != nil {
		return err
	}
	if err := still.history(ctx, 60); err != nil {
		return err
	}
	if err := static(ctx, dir, startEdge, rounds, took, profile); err != nil {
		return err
	}
	moving, err := newStream(ctx, b, "crowd", 500*time.Millisecond, 4, 187_500)
	if err != nil {
		return err
	}
	if err := moving.history(ctx, 10); err != nil {
		return err
	}
	return crowd(ctx, startEdge, moving, []int{500, 1000, 2000, 3000, 4000}, 2*took)
}
