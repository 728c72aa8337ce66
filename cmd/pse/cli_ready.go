package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type readyCommand struct{}

func newReadyCommand(s *scope) *cobra.Command {
	return s.leaf("ready", "Ask the running pse serve whether all its workers are ready.", readyCommand{})
}

// readyTime is how long the program may take to say whether it is ready.
const readyTime = 3 * time.Second

// Run asks the pse serve of this data directory, for Docker's HEALTHCHECK and
// for scripts: exit code 0 when all its workers are ready. Of several, as on a
// box where the workers are split, all are asked.
func (readyCommand) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	all, err := whoToAsk(l.Config, l.origin)
	if err != nil {
		return err
	}
	var wrong []error
	for _, r := range all {
		wrong = append(wrong, r.tell(s))
	}
	return errors.Join(wrong...)
}

// tell prints the state of each worker.
func (r running) tell(s *scope) error {
	said, status, err := r.ready(s.ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(said.Workers)) {
		state := "ready"
		if w := said.Workers[name]; !w.Ready {
			state = w.Why
		}
		fmt.Fprintf(s.out, "%-10s %s\n", name, state)
	}
	for _, what := range slices.Sorted(maps.Keys(said.Degraded)) {
		fmt.Fprintf(s.out, "%-10s degraded: %s\n", what, oneLine(said.Degraded[what]))
	}
	if !said.Ready {
		return fmt.Errorf("not ready (HTTP status %d)", status)
	}
	return nil
}

// ready asks a running pse serve for its workers.
func (r running) ready(ctx context.Context) (said readiness, status int, err error) {
	host, port, err := net.SplitHostPort(r.Admin)
	switch {
	case err != nil && r.PID > 0:
		return said, 0, fmt.Errorf("pse serve runs, process %d, but there is nobody to ask: admin.listen is off; give it an address", r.PID)
	case err != nil:
		return said, 0, errors.New("admin.listen is off: there is nobody to ask; give it an address")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return said, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return said, 0, fmt.Errorf("ask pse serve: %w; is it running with this configuration?", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil {
		return said, 0, fmt.Errorf("ask pse serve: %w", err)
	}
	return said, res.StatusCode, nil
}

// oneLine is an error of several lines on one.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }
