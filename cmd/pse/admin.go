package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/limit"
)

// An admin is the listener for operators: health, readiness,
// metrics and profiles.
type admin struct {
	stopping atomic.Bool // /readyz is 503 from now on, before anything stops
	server   *http.Server
	listener net.Listener
	done     chan struct{}
}

// adminQuiet is how long a connection may be silent when all places are taken:
// a request here is answered sooner.
const adminQuiet = 250 * time.Millisecond

// A part of the program that hangs must not block scrapes for ever: they fail in
// time, and only so many wait at once.
const (
	metricsTime = 10 * time.Second
	mostScrapes = 10
)

// listenAdmin binds. An address that nobody asked for may be taken, by another
// worker of the same box or another program: then the next port does as well.
func listenAdmin(address string, asked bool) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	host, port, splitErr := net.SplitHostPort(address)
	first, portErr := strconv.Atoi(port)
	if asked || splitErr != nil || portErr != nil {
		return l, err
	}
	for next := first + 1; errors.Is(err, syscall.EADDRINUSE) && next < first+100; next++ {
		l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(next)))
	}
	return l, err
}

// newAdmin binds and serves, so many connections at most. asked: somebody chose the
// address. ready says of each worker why it cannot serve, degraded what is wrong
// though it can.
func newAdmin(cfg AdminConfig, asked bool, most int, reg *prometheus.Registry, ready, degraded func() map[string]error, log *zap.Logger) (*admin, error) {
	l, err := listenAdmin(cfg.Listen, asked)
	if err != nil {
		return nil, fmt.Errorf("listen for admin: %w; choose another address with --admin", err)
	}
	if at := l.Addr().String(); !asked && at != cfg.Listen {
		log.Info("another program listens there", zap.String("taken", cfg.Listen), zap.String("instead", at))
	}
	// Operators get in, however many sockets others hold.
	l = limit.NewConnections(limit.ConnectionsConfig{Most: most, Quiet: adminQuiet}).Listen(l)
	a := &admin{listener: l, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { a.readyz(w, ready(), degraded()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(oldNames{reg}, promhttp.HandlerOpts{
		Registry: reg, ErrorLog: zap.NewStdLog(log), Timeout: metricsTime, MaxRequestsInFlight: mostScrapes,
	}))
	profiles(mux, cfg.Pprof)
	a.server = &http.Server{Handler: visitors(cfg.Hosts, mux), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes, ErrorLog: zap.NewStdLog(log)}
	go func() {
		defer close(a.done)
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("admin listener ended", zap.Error(err))
		}
	}()
	return a, nil
}

// profiles are there when they are asked for: they cost, and show much.
func profiles(mux *http.ServeMux, on bool) {
	if !on {
		mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "profiles are off; switch them on with admin.pprof: true, or --set admin.pprof=true", http.StatusNotFound)
		})
		return
	}
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not shown, passwords may be in it; pse config shows what is in force", http.StatusNotFound)
	})
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}

// A readiness is the body of /readyz.
type readiness struct {
	Ready    bool                   `json:"ready"`
	Stopping bool                   `json:"stopping,omitempty"`
	Workers  map[string]workerState `json:"workers"`
	Degraded map[string]string      `json:"degraded,omitempty"` // what is wrong though workers serve
}

type workerState struct {
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"`
}

func (a *admin) readyz(w http.ResponseWriter, workers, degraded map[string]error) {
	r := readiness{Ready: !a.stopping.Load() && len(workers) > 0, Stopping: a.stopping.Load(), Workers: map[string]workerState{}, Degraded: map[string]string{}}
	for name, err := range workers {
		s := workerState{Ready: err == nil}
		if err != nil {
			s.Why, r.Ready = err.Error(), false
		}
		r.Workers[name] = s
	}
	for what, err := range degraded {
		r.Degraded[what] = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	if !r.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(r)
}

// stop ends the listener; a running profile is cut. Nil-safe.
func (a *admin) stop() {
	if a == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		_ = a.server.Close()
	}
	<-a.done
}
