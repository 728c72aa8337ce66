package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// A service is a worker that was built, as the supervisor sees it.
type service struct {
	run        func(context.Context) error // serves until ctx ends, then releases all that building took
	ready      func() error                // nil, or why it cannot serve now
	degraded   func() error                // nil, or what is wrong though it serves; nil itself: nothing ever is
	routes     func(*http.ServeMux)        // nil: it has no HTTP
	collectors []prometheus.Collector
}

// A spec says how to build one worker and when it may run.
type spec struct {
	name  string
	needs []string // run before it, and stop after it
	vital bool     // its failure ends the program: others cannot go on without it
	build func(ctx context.Context, log *zap.Logger) (service, error)
}

// Back-off between the restarts of a failed worker; a worker that ran for
// healthyAfter begins anew with the first.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 30 * time.Second
	healthyAfter = time.Minute
)

var (
	errEndedEarly = errors.New("it ended by itself")
	errStarting   = errors.New("starting")
	errStopped    = errors.New("stopped")
)

// A supervisor runs workers, restarts those that fail, and stops them in
// order. The trouble of one is not the trouble of the others.
type supervisor struct {
	log     *zap.Logger
	reg     prometheus.Registerer
	changed func() // called without mu when a worker came or went
	failed  chan error
	mu      sync.Mutex
	units   []*unit // in start order; guarded by mu, set once

	restarts *prometheus.CounterVec
}

// A unit is one worker over all its lives.
type unit struct {
	spec
	cancel context.CancelFunc
	done   chan struct{} // closed when it stopped for good

	mu   sync.Mutex // guards the two below
	now  *service   // nil while there is none
	down error      // why there is none, or why it is not ready yet
}

func newSupervisor(reg prometheus.Registerer, log *zap.Logger, changed func()) *supervisor {
	s := &supervisor{
		log: log, reg: reg, changed: changed, failed: make(chan error, 1),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_worker_restarts_total", Help: "Times a failed worker was built anew.",
		}, []string{"worker"}),
	}
	reg.MustRegister(s.restarts)
	return s
}

// start builds the workers in order and runs them. The first that cannot be
// built ends it: a port that is taken is better said at once than retried.
// Stop must be called in either case.
func (s *supervisor) start(ctx context.Context, specs []spec) error {
	units := make([]*unit, len(specs))
	for i, sp := range specs {
		units[i] = &unit{spec: sp, cancel: func() {}, done: make(chan struct{}), down: errStarting}
	}
	s.mu.Lock()
	s.units = units // all at once: readiness counts those that are still to come
	s.mu.Unlock()
	for i, u := range units {
		// Not a child of ctx: workers are stopped in order, by stop.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		building, stopBuilding := context.WithCancel(ctx)
		svc, err := u.build(building, s.log.Named(u.name))
		stopBuilding()
		if err != nil {
			cancel()
			for _, never := range units[i:] {
				close(never.done)
			}
			return fmt.Errorf("%s: %w", u.name, err)
		}
		u.cancel = cancel
		s.restarts.WithLabelValues(u.name).Add(0)
		s.up(u, &svc)
		go s.keep(own, u, &svc)
	}
	return nil
}

func (s *supervisor) all() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.units
}

// keep runs a unit until it is asked to stop.
func (s *supervisor) keep(ctx context.Context, u *unit, svc *service) {
	defer close(u.done)
	pause := firstPause
	for {
		if svc != nil {
			began := time.Now()
			err := svc.run(ctx)
			s.gone(u, svc, err)
			if ctx.Err() != nil {
				if err != nil && !errors.Is(err, context.Canceled) {
					s.log.Error("worker stopped badly", zap.String("worker", u.name), zap.Error(err))
				}
				return
			}
			if err == nil {
				err = errEndedEarly
			}
			if u.vital {
				s.fail(fmt.Errorf("%s: %w", u.name, err))
				return
			}
			if time.Since(began) >= healthyAfter {
				pause = firstPause
			}
			s.log.Error("worker failed, building it anew", zap.String("worker", u.name), zap.Duration("in", pause), zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
		s.restarts.WithLabelValues(u.name).Inc()
		fresh, err := u.build(ctx, s.log.Named(u.name))
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			svc = nil
			u.mu.Lock()
			u.down = err
			u.mu.Unlock()
			s.log.Error("worker cannot be built, trying again", zap.String("worker", u.name), zap.Duration("in", pause), zap.Error(err))
			continue
		}
		svc = &fresh
		s.up(u, svc)
	}
}

func (s *supervisor) up(u *unit, svc *service) {
	for _, c := range svc.collectors {
		if err := s.reg.Register(c); err != nil {
			s.log.Warn("metrics of a worker are missing", zap.String("worker", u.name), zap.Error(err))
		}
	}
	u.mu.Lock()
	u.now = svc
	u.mu.Unlock()
	s.changed()
	u.mu.Lock()
	u.down = nil // ready only now that its routes are mounted
	u.mu.Unlock()
}

func (s *supervisor) gone(u *unit, svc *service, err error) {
	for _, c := range svc.collectors {
		s.reg.Unregister(c)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		err = errStopped
	}
	u.mu.Lock()
	u.now, u.down = nil, err
	u.mu.Unlock()
	s.changed()
}

// fail reports what ends the program; the first one counts.
func (s *supervisor) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// stop ends every worker after those that need it, and waits until limit has
// passed. It says which did not end.
func (s *supervisor) stop(limit time.Duration) error {
	for _, u := range s.all() {
		go func() {
			for _, other := range s.all() {
				if needs(other.needs, u.name) {
					<-other.done
				}
			}
			u.cancel()
		}()
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	for _, u := range s.all() {
		select {
		case <-u.done:
		case <-late.C:
			var names []string
			for _, v := range s.all() {
				select {
				case <-v.done:
				default:
					names = append(names, v.name)
				}
			}
			return fmt.Errorf("workers %v did not stop within %s; ending without them", names, limit)
		}
	}
	return nil
}

func needs(all []string, name string) bool {
	for _, n := range all {
		if n == name {
			return true
		}
	}
	return false
}

// ready asks every worker; nil means it serves.
func (s *supervisor) ready() map[string]error {
	all := make(map[string]error, len(s.all()))
	for _, u := range s.all() {
		u.mu.Lock()
		svc, err := u.now, u.down
		u.mu.Unlock()
		if svc != nil && err == nil {
			err = svc.ready()
		}
		all[u.name] = err
	}
	return all
}

// degraded is what is wrong with workers that serve.
func (s *supervisor) degraded() map[string]error {
	all := map[string]error{}
	for _, u := range s.all() {
		u.mu.Lock()
		svc := u.now
		u.mu.Unlock()
		if svc == nil || svc.degraded == nil {
			continue
		}
		if err := svc.degraded(); err != nil {
			all[u.name] = err
		}
	}
	return all
}

// mount puts the routes of all workers that run on mux, and says whether a
// worker is missing that may have some.
func (s *supervisor) mount(mux *http.ServeMux) (whole bool) {
	whole = true
	for _, u := range s.all() {
		u.mu.Lock()
		svc := u.now
		u.mu.Unlock()
		switch {
		case svc == nil:
			whole = false
		case svc.routes != nil:
			svc.routes(mux)
		}
	}
	return whole
}
