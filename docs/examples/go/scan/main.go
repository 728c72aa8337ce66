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
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/nats-io/nats.go"
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
	at, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	nc, err := nats.Connect(strings.TrimSpace(string(at)), nats.Name("scan"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	_, err = nc.QueueSubscribe("hooks.v1.complete", "hooks", func(m *nats.Msg) {
		go func() { _ = m.Respond(scan(ctx, m.Data)) }() // others need not wait for this file
	})
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	fmt.Println("answering")
	<-ctx.Done()
	return nil
}

// scan runs the scanner and makes a verdict of how it ends.
func scan(ctx context.Context, question []byte) []byte {
	var file struct{ Path string }
	if json.Unmarshal(question, &file) != nil {
		return []byte(`{}`)
	}
	args := append(append([]string{}, os.Args[3:]...), file.Path)
	err := exec.CommandContext(ctx, os.Args[2], args...).Run()
	var end *exec.ExitError
	switch {
	case err == nil:
		return []byte(`{"allow": true}`)
	case errors.As(err, &end) && end.ExitCode() == 1:
		return []byte(`{"allow": false, "reason": "the scanner found something in it"}`)
	}
	fmt.Fprintln(os.Stderr, "no verdict:", err)
	return []byte(`{}`)
}
