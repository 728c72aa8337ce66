package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

type readyCommand struct{}

// readyTime is how long the program may take to say whether it is ready.
const readyTime = 3 * time.Second

// Run asks the pse serve of this configuration, for Docker's HEALTHCHECK and
// for scripts: exit code 0 when all its workers are ready.
func (readyCommand) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(l.Admin.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen is %q: there is nobody to ask; give it an address", l.Admin.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(s.ctx, readyTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask pse serve: %w; is it running with this configuration?", err)
	}
	defer res.Body.Close()
	var r readiness
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return fmt.Errorf("ask pse serve: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Workers)) {
		state := "ready"
		if w := r.Workers[name]; !w.Ready {
			state = w.Why
		}
		fmt.Fprintf(s.out, "%-10s %s\n", name, state)
	}
	for _, what := range slices.Sorted(maps.Keys(r.Degraded)) {
		fmt.Fprintf(s.out, "%-10s degraded: %s\n", what, strings.ReplaceAll(r.Degraded[what], "\n", "; "))
	}
	if !r.Ready {
		return fmt.Errorf("not ready (HTTP status %d)", res.StatusCode)
	}
	return nil
}
