package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/helios-h2020/pse/bus"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

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
