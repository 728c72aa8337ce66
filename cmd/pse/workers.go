package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// A worker is one line of the table of all workers.
type worker struct {
	name  string
	needs []string // run before it, if they run in this process
	extra bool     // not among "all": asked for by a flag
	http  bool     // it has routes, so the public listener is opened
	build func(ctx context.Context, p *program, log *zap.Logger) (service, error)
}

// workers is the table: what there is, and what each needs. "All" is every
// line that is not extra, in this order.
func workers() []worker {
	return []worker{
		{name: "bus", build: buildBus},
		{name: "ingest", needs: []string{"bus"}, build: buildIngest},
		{name: "transcode", needs: []string{"bus"}, build: buildTranscode},
		{name: "edge", needs: []string{"bus"}, http: true, build: buildEdge},
		{name: "signal", needs: []string{"bus"}, http: true, build: buildSignal},
		{name: "turn", needs: []string{"bus"}, build: buildTurn},
		{name: "transfer", needs: []string{"bus"}, http: true, build: buildTransfer},
		{name: "demo", needs: []string{"bus", "ingest"}, extra: true, build: buildDemo},
	}
}

// choose picks the lines of the table that this process runs.
func choose(table []worker, names []string, cfg Config, demo bool) ([]worker, error) {
	var known []string
	for _, w := range table {
		if !w.extra {
			known = append(known, w.name)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, usagef("there is no worker %q%s", n, didYouMean(n, known))
		}
	}
	elsewhere := cfg.Bus.URL != ""
	if len(names) == 0 {
		names = known
		if elsewhere {
			names = known[1:]
		}
	}
	switch hasBus := slices.Contains(names, "bus"); {
	case hasBus && elsewhere:
		return nil, usagef("the bus cannot run here and be at %s; leave out one of them", bus.Redact(cfg.Bus.URL))
	case !hasBus && !elsewhere:
		return nil, usagef("%v need a bus; name bus too, or give its address with --bus URL", names)
	}
	if demo {
		if !slices.Contains(names, "ingest") {
			return nil, usagef("--demo publishes to the ingest of this process; name ingest too")
		}
		names = append(slices.Clone(names), "demo")
	}
	var chosen []worker
	for _, w := range table {
		if slices.Contains(names, w.name) {
			chosen = append(chosen, w)
		}
	}
	return chosen, nil
}

// A busWorker is what a worker package offers (docs/contributing.md, "How to add ...").
type busWorker interface {
	Run(ctx context.Context) error
	Ready() error
	Collectors() []prometheus.Collector
}

// onBus connects to the bus and builds a worker on that connection, which is
// the worker's own: its name there is the worker's identity, and a rebuilt
// worker is another one.
func onBus[W busWorker](ctx context.Context, p *program, name string, log *zap.Logger, build func(*bus.Bus) (W, error)) (service, error) {
	b, err := p.bus.connect(ctx, name, log)
	if err != nil {
		return service{}, err
	}
	w, err := build(b)
	if err != nil {
		b.Close()
		return service{}, err
	}
	// For pse workers and other programs on the bus; it ends with the connection.
	announce := func(version string) error {
		_, err := b.Serve(name, version)
		return err
	}
	if a, ok := any(w).(interface{ Announce(version string) error }); ok {
		announce = a.Announce // it can be asked, and says itself when no longer
	}
	if err := announce(semver(version())); err != nil {
		log.Warn("this worker is not announced on the bus: pse workers will not list it", zap.Error(err))
	}
	s := service{
		collectors: append(w.Collectors(), b.Collectors()...),
		run: func(ctx context.Context) error {
			defer b.Close()
			return w.Run(ctx)
		},
		ready: func() error {
			if !b.Connected() {
				return errors.New("the bus cannot be reached")
			}
			return w.Ready()
		},
	}
	if d, ok := any(w).(interface{ Degraded() error }); ok { // it serves on for a while
		s.ready, s.degraded = w.Ready, d.Degraded
	}
	if r, ok := any(w).(interface{ Routes(*http.ServeMux) }); ok {
		s.routes = r.Routes
	}
	return s, nil
}
