package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Whoever runs on a data directory says so by a file in it, so that commands find
// it whatever its flags were. The file is locked while its process lives: one that
// is not locked was left by a process that was killed.

// A running is what a `pse serve` says of itself to commands on its data directory.
type running struct {
	PID     int      `json:"pid"`
	Workers []string `json:"workers"`
	Admin   string   `json:"admin,omitempty"` // host:port; empty: off
	Calls   string   `json:"calls,omitempty"` // the address of a call, before the name of its room; empty: none here
	Links   bool     `json:"links,omitempty"` // calls ask for a link
}

// runningDir is where they say it.
func runningDir(dir string) string { return filepath.Join(dir, "running") }

// announce says that r runs on a data directory, until withdraw is called. What
// processes that were killed have left there is removed.
func announce(dir string, r running) (withdraw func(), err error) {
	in := runningDir(dir)
	if err := os.MkdirAll(in, 0o700); err != nil {
		return nil, fmt.Errorf("say that pse serve runs: %w", err)
	}
	if _, left, err := whoRuns(dir); err == nil {
		for _, file := range left {
			_ = os.Remove(file)
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(in, "*.new") // renamed when it is locked, so that nobody takes it for one that was left
	if err != nil {
		return nil, fmt.Errorf("say that pse serve runs: %w", err)
	}
	name := strings.TrimSuffix(f.Name(), ".new") + ".json"
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		_ = f.Close()
		return nil, fmt.Errorf("say that pse serve runs: %w", err)
	}
	return func() {
		_ = os.Remove(name)
		_ = f.Close()
	}, nil
}

// whoRuns reads who runs on a data directory, and which files were left there by
// processes that were killed.
func whoRuns(dir string) (all []running, left []string, err error) {
	entries, err := os.ReadDir(runningDir(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find pse serve: %w; ask as the user who runs it", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		file := filepath.Join(runningDir(dir), e.Name())
		r, alive, err := readRunning(file)
		switch {
		case errors.Is(err, os.ErrNotExist): // it has just ended
		case err != nil:
			return nil, nil, err
		case alive:
			all = append(all, r)
		default:
			left = append(left, file)
		}
	}
	return all, left, nil
}

func readRunning(file string) (r running, alive bool, err error) {
	f, err := os.Open(file)
	if err != nil {
		return r, false, fmt.Errorf("find pse serve: %w; ask as the user who runs it", err)
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return r, false, nil
	}
	if err := json.NewDecoder(f).Decode(&r); err != nil {
		return r, false, fmt.Errorf("find pse serve: read %s: %w", file, err)
	}
	return r, true, nil
}

// whoToAsk is the `pse serve` that a command is about: the one of the address on
// its command line; else those that run on the data directory, of several the one of
// the configuration's address if it is there; else one at that address.
func whoToAsk(c Config, o origins) ([]running, error) {
	said := running{Admin: c.Admin.Listen}
	if said.Admin == listenOff {
		said.Admin = ""
	}
	if strings.HasPrefix(o["admin.listen"], "--") {
		return []running{said}, nil
	}
	all, _, err := whoRuns(c.Data)
	if errors.Is(err, os.ErrPermission) || err == nil && len(all) == 0 {
		return []running{said}, nil
	}
	if o.given("admin.listen") {
		for _, r := range all {
			if r.Admin == said.Admin {
				return []running{r}, nil
			}
		}
	}
	return all, err
}
