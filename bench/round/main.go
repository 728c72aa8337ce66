package round

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/helios-h2020/pse/internal/process"
)

// Main is the main function of a benchmark: it reads the flags, builds pse, and
// calls run with pse's path and a folder for the length of the run. An error,
// or an interrupt, ends the program.
func Main(name string, run func(ctx context.Context, bin, dir string) error) {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := inFolder(ctx, run)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench %s: %v\n", name, err)
		os.Exit(1)
	}
}

func inFolder(ctx context.Context, run func(ctx context.Context, bin, dir string) error) error {
	dir, err := os.MkdirTemp("", "pse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	return run(ctx, bin, dir)
}
