// Scan has a scanner look at each file before anybody gets it:
//
//	scan FILE-OF-THE-URL PROGRAM [ARGUMENT...]
//
// The program is given the file's path, and ends with 0 (clean) or 1 (not), as
// clamscan does; any other end is no verdict, and the file is asked about again.
// It must run where the files are. PSE waits for transfer.complete.timeout.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"

	"github.com/helios-h2020/pse/bus/event"
	"github.com/helios-h2020/pse/client"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 3 {
		return errors.New("usage: scan FILE-OF-THE-URL PROGRAM [ARGUMENT...]")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c, err := client.Connect(os.Args[1], client.Options{Name: "scan", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer c.Close()
	end, err := client.Answer(c, scan)
	if err != nil {
		return err
	}
	defer end()
	fmt.Println("answering")
	<-ctx.Done()
	return nil
}

// scan runs the scanner and makes a verdict of how it ends.
func scan(ctx context.Context, file event.CompleteHook) (event.Verdict, error) {
	args := append(append([]string{}, os.Args[3:]...), file.Path)
	err := exec.CommandContext(ctx, os.Args[2], args...).Run()
	var end *exec.ExitError
	switch {
	case err == nil:
		return event.Verdict{Allow: true}, nil
	case errors.As(err, &end) && end.ExitCode() == 1:
		return event.Verdict{Reason: "the scanner found something in it"}, nil
	}
	return event.Verdict{}, fmt.Errorf("no verdict: %w", err)
}
