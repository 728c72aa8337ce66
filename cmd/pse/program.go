package main

import (
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/web"
)

// A program is one running `pse serve`.
type program struct {
	cfg     Config
	chosen  []string // the workers that run
	log     *zap.Logger
	reg     *prometheus.Registry
	reserve reserve // of descriptors

	cert  *certifier
	disks *disks
	bus   *busDialer
	addrs *addresses
	key   shownKey

	sup    *supervisor
	public front
	admin  *admin // nil: off
}

// A shownKey is the stream key that the banner shows and the demo publishes with.
type shownKey struct {
	mu  sync.Mutex
	key bus.Key // guarded by mu; zero before the first start of ingest
}

func (k *shownKey) set(key bus.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = key
}

func (k *shownKey) get() bus.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key
}

// newProgram fits the configuration to what the process may open; nothing is opened yet.
func newProgram(l *loaded, chosen []string, log *zap.Logger) (*program, error) {
	all, err := descriptors()
	if err != nil {
		return nil, err
	}
	p := &program{
		cfg: l.Config, chosen: chosen, log: log, reg: newRegistry(), reserve: reserved(all),
		disks: newDisks(log.Named("disk")), addrs: newAddresses(),
	}
	for _, f := range p.cfg.fit(all, chosen) {
		say := log.Info
		if l.origin.given(f.key) { // somebody asked for it
			say = log.Warn
		}
		say("too few open files are allowed; raise LimitNOFILE of the service, or ulimit -Hn", zap.Int("allowed", all), zap.Stringer("so", f))
	}
	p.bus = &busDialer{cfg: p.cfg.Bus, given: p.cfg.Bus.given(l.origin), combined: len(chosen) > 1, disks: p.disks}
	p.cert = newCertifier(p.cfg, log.Named("tls"))
	p.reg.MustRegister(p.cert, p.disks)
	p.sup = newSupervisor(p.reg, log, p.mount)
	return p, nil
}

// site is where people find the pages.
func (p *program) site() site { return site{&p.cfg, p.addrs, p.cert} }

// running is what commands on the data directory are told.
func (p *program) running() running {
	r := running{PID: os.Getpid(), Workers: p.chosen, Admin: p.addrs.of("admin")}
	if slices.Contains(p.chosen, "signal") {
		r.Calls, r.Links = p.site().calls(), p.cfg.Signal.Links
	}
	return r
}

// degraded is what is wrong though all workers can serve, by what it is with.
func (p *program) degraded() map[string]error {
	all := p.sup.degraded()
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

// mount makes the routes of all that runs, when a worker came or went.
func (p *program) mount() {
	p.public.mount(func(mux *http.ServeMux) bool {
		p.cert.routes(mux, p.addrs.of("https"))
		publishRoutes(mux, p.site(), p.disks)
		web.Routes(mux)
		return p.sup.mount(mux)
	})
}
