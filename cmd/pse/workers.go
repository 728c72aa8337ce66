package main

import (
	"context"
	"slices"

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

func namesOf(chosen []worker) []string {
	names := make([]string, len(chosen))
	for i, w := range chosen {
		names[i] = w.name
	}
	return names
}

// specs are what the supervisor is to run.
func (p *program) specs(chosen []worker) []spec {
	specs := make([]spec, len(chosen))
	for i, w := range chosen {
		specs[i] = spec{
			name: w.name, needs: w.needs, vital: w.name == "bus",
			build: func(ctx context.Context, log *zap.Logger) (service, error) { return w.build(ctx, p, log) },
		}
	}
	return specs
}
