package main

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/helios-h2020/pse/internal/forwarded"
	"github.com/helios-h2020/pse/internal/limit"
)

// Descriptors: each connection, each allocation of the relay and each open
// file takes one. If connections from outside took all, the bus could not
// store, the store not open and the admin not accept: so the limits of
// connections are made to fit, and a part is never given to them.

const httpMost = 50_000

// A reserve is what is kept from the workers' listeners.
type reserve struct {
	files int // of bus and store, and ffmpeg's
	admin int // connections of operators
	bus   int // connections to this process's bus
}

func reserved(all int) reserve {
	return reserve{files: min(1024, all/6), admin: max(16, min(1024, all/16)), bus: max(32, min(4096, all/8))}
}

// descriptors is how many the process may have: the hard limit, which Go's
// runtime raises the soft one to when the program starts.
func descriptors() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("ask how many files may be open: %w", err)
	}
	return int(min(r.Cur, 1<<30)), nil
}

// A fitted setting is less than it was, so that all fit.
type fitted struct {
	key     string
	was, is int
}

// String is for the log.
func (f fitted) String() string { return fmt.Sprintf("%s is %d and not %d", f.key, f.is, f.was) }

// fit makes the limits of connections of the workers that run here fit into
// all descriptors, and says which had to be less.
func (c *Config) fit(all int, workers []string) (less []fitted) {
	runs := func(name string) bool { return slices.Contains(workers, name) }
	r := reserved(all)
	left := all - r.files - r.admin
	if runs("bus") {
		left -= r.bus
	}
	part := func(key string, n *int, most int) {
		if *n > most {
			less = append(less, fitted{key, *n, most})
			*n = most
		}
	}
	room := left
	if runs("ingest") {
		part("ingest.max_connections", &c.Ingest.MaxConnections, room/16)
		left -= c.Ingest.MaxConnections
	}
	if runs("turn") {
		part("turn.max_connections", &c.Turn.MaxConnections, room/6)
		part("turn.max_allocations", &c.Turn.MaxAllocations, room/6)
		left -= c.Turn.MaxConnections + c.Turn.MaxAllocations
	}
	if runs("transfer") {
		left = left * 2 / 3 // for the files that go over some of them
	}
	if c.HTTP.MaxConnections == 0 {
		c.HTTP.MaxConnections = min(httpMost, left)
	}
	part("http.max_connections", &c.HTTP.MaxConnections, left)
	// Half of the places stay for others. It is not said where nobody asked for more.
	c.HTTP.MaxPerIP = min(c.HTTP.MaxPerIP, max(1, c.HTTP.MaxConnections/2))
	return less
}

// trust says which proxies are believed about their clients.
func (c Config) trust() (t forwarded.Trust, err error) {
	t.Anyone = c.Signal.TrustProxy
	t.Networks, err = limit.Prefixes(c.HTTP.TrustedProxies)
	return t, err
}

// connections says how many the public side takes. A proxy's address is many people's:
// where all come through one that is not configured, no address has a share.
func (c Config) connections(t forwarded.Trust) limit.ConnectionsConfig {
	d := limit.ConnectionsConfig{Most: c.HTTP.MaxConnections, Share: c.HTTP.MaxPerIP, Quiet: max(httpQuiet, 2*c.Signal.PingInterval), Proxies: t.Networks}
	if t.Anyone {
		d.Share = 0
	}
	return d
}
