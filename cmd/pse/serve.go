package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/web"
)

// stopTime is how long workers may take to stop, beside the relay's drain;
// systemd and Docker are told to wait longer.
const stopTime = 20 * time.Second

// A program is one running `pse serve`.
type program struct {
	cfg      Config
	combined bool        // the bus and others in one process
	server   *bus.Server // nil when the bus is elsewhere; set while the first worker is built
	given    bus.Given   // the settings of logs that somebody has set
	adjusted atomic.Bool // the logs of a bus elsewhere follow them

	reserve reserve // of descriptors

	cert  *certifier
	disks *disks

	mu    sync.Mutex
	addrs map[string]string // guarded by mu: where workers listen, by protocol
	key   bus.Key           // guarded by mu: what the banner shows and the demo publishes with
}

// listens notes where a worker listens; addr is asked by the banner and the demo.
func (p *program) listens(protocol, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addrs[protocol] = addr
}

func (p *program) addr(protocol string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addrs[protocol]
}

// serve runs the chosen workers until ctx ends or one that is vital fails. read
// reads the configuration: now, and when SIGHUP asks for it again.
func serve(ctx context.Context, read func() (*loaded, error), names []string, demo bool, s std) (err error) {
	l, err := read()
	if err != nil {
		return err
	}
	chosen, err := choose(workers(), names, l.Config, demo)
	if err != nil {
		return err
	}
	log, least, err := newLogger(l.Log, s.err)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reload := &reloader{now: l.Config, read: read, level: least, log: log, in: s.in, stop: stop}
	reload.listen()
	if len(l.unknown) > 0 {
		log.Warn("environment variables that mean nothing", zap.Strings("names", l.unknown))
	}
	for _, old := range l.old {
		log.Warn("a setting has another name now", zap.String("so", old))
	}
	log.Info("configuration", zap.Stringer("source", l.source))
	if keys := l.visible(); len(keys) > 0 {
		log.Warn("other users of this machine see passwords that are given on the command line; give them in the file, by PSE_ variables, or that of the bus by bus.password_file", zap.Strings("keys", keys))
	}
	if err := makeDataDir(l.Data); err != nil {
		return err
	}
	if others(l.Data) {
		log.Warn("the data directory belongs to another user, who may not be able to use it when we have", zap.String("dir", l.Data), zap.String("owner", ownerOf(l.Data)))
	}
	p := &program{cfg: l.Config, given: l.givenLogs(), combined: len(chosen) > 1, addrs: map[string]string{}, disks: newDisks(log.Named("disk"))}
	all, err := descriptors()
	if err != nil {
		return err
	}
	p.reserve = reserved(all)
	for _, f := range p.cfg.fit(all, namesOf(chosen)) {
		say := log.Info
		if l.origin[f.key] != "" { // somebody asked for it
			say = log.Warn
		}
		say("too few open files are allowed; raise LimitNOFILE of the service, or ulimit -Hn", zap.Int("allowed", all), zap.Stringer("so", f))
	}
	p.cert = newCertifier(p.cfg, log.Named("tls"))
	reload.cert = p.cert
	go reload.run(ctx)
	reg := newRegistry()
	reg.MustRegister(p.cert, p.disks)

	var public front
	sup := newSupervisor(reg, log, nil)
	sup.changed = func() {
		public.mount(func(mux *http.ServeMux) bool {
			p.cert.routes(mux, p.addr("https"))
			p.routes(mux)
			web.Routes(mux)
			return sup.mount(mux)
		})
	}
	if slices.ContainsFunc(chosen, func(w worker) bool { return w.http }) {
		var secure func(...string) *tls.Config
		if p.cfg.HTTP.TLSListen != listenOff {
			if secure, err = p.cert.open(); err != nil {
				return err
			}
		}
		if public.trust, err = p.cfg.trust(); err != nil {
			return fmt.Errorf("http.trusted_proxies: %w", err)
		}
		if err := public.listen(p.cfg.HTTP, p.cfg.door(public.trust), secure, reg, log.Named("http")); err != nil {
			return err
		}
		if p.cfg.Compat == compatHelios {
			if err := public.listenCompat(p.cfg.HTTP.Listen, secure); err != nil {
				public.stop(0)
				return err
			}
		}
		if at := p.cfg.TLS.ACME; len(at.Names) > 0 && at.HTTPListen != "" {
			if err := public.listenChallenges(at.HTTPListen, p.cfg); err != nil {
				public.stop(0)
				return err
			}
		}
		p.listens("http", public.clear.Addr().String())
		if public.secure != nil {
			p.listens("https", public.secure.Addr().String())
		}
	}
	var adm *admin
	if p.cfg.Admin.Listen != listenOff {
		if adm, err = newAdmin(p.cfg.Admin, l.origin["admin.listen"] != "", p.reserve.admin, reg, sup.ready, func() map[string]error { return p.degraded(sup) }, log.Named("admin")); err != nil {
			public.stop(0)
			return err
		}
		p.listens("admin", adm.listener.Addr().String())
	}
	withdraw, err := announce(l.Data, p.running(namesOf(chosen)))
	if err != nil {
		log.Warn("pse ready and the like need to be told where this one is", zap.Error(err))
		withdraw = func() {}
	}
	defer func() {
		defer withdraw()
		if adm != nil {
			adm.stopping.Store(true)
		}
		stopping()
		log.Info("stopping; a second signal ends at once")
		public.stop(p.cfg.HTTP.DrainTimeout)
		err = errors.Join(err, sup.stop(stopTime+p.cfg.Turn.Drain))
		adm.stop()
	}()
	if public.server != nil {
		public.serve()
	}
	if err := sup.start(ctx, p.specs(chosen)); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while starting
		}
		return err
	}
	defer p.cert.start(ctx, func() { log.Info("links can have the name now", zap.String("url", p.home())) })()
	go p.cert.watch(ctx)
	go p.disks.look(ctx)
	go watchdog(ctx, func() { sup.ready() })
	log.Info("serving", zap.Strings("workers", namesOf(chosen)), zap.String("version", version()))
	if err := p.banner(s.out, namesOf(chosen)); err != nil {
		return err
	}
	started()
	select {
	case <-ctx.Done():
		return nil
	case err := <-sup.failed:
		return err
	}
}

// running is what commands on the data directory are told.
func (p *program) running(workers []string) running {
	r := running{PID: os.Getpid(), Workers: workers, Admin: p.addr("admin")}
	if slices.Contains(workers, "signal") {
		r.Calls, r.Links = p.calls(), p.cfg.Signal.Links
	}
	return r
}

// degraded is what is wrong though all workers can serve, by what it is with.
func (p *program) degraded(sup *supervisor) map[string]error {
	all := sup.degraded()
	if err := p.cert.trouble(time.Now()); err != nil {
		all["certificate"] = err
	}
	for _, name := range p.disks.names() {
		if err := p.disks.short(name); err != nil {
			all["disk of "+name] = err
		}
	}
	return all
}

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

func namesOf(chosen []worker) []string {
	names := make([]string, len(chosen))
	for i, w := range chosen {
		names[i] = w.name
	}
	return names
}

// newRegistry is the process's own: what libraries register globally stays out.
func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pse_build_info", Help: "Always 1; the version is in the label.", ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	reg.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}
