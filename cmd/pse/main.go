// Command pse is the one program of PSE: it serves the workers, all in one
// process or each in its own, and looks into a running service.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run turns an error into an exit code. The first signal asks to stop; it also
// gives signals their ordinary meaning back, so that a second one ends the
// process at once (ffmpeg children die with it).
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err := execute(ctx, args, std{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ(), root: os.Geteuid() == 0})
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "pse: %v\n", err)
	return exitCode(err)
}
