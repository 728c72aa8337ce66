package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.uber.org/zap"
)

// stopTime is how long workers may take to stop, beside the relay's drain;
// systemd and Docker are told to wait longer.
const stopTime = 20 * time.Second

// serve runs the chosen workers until ctx ends or one that is vital fails. read
// reads the configuration: now, and when SIGHUP asks for it again.
func serve(ctx context.Context, read func() (*loaded, error), names []string, demo bool, s std) error {
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
	logConfiguration(l, log)
	if err := makeDataDir(l.Data); err != nil {
		return err
	}
	if others(l.Data) {
		log.Warn("the data directory belongs to another user, which may not be able to use the files of this one", zap.String("dir", l.Data), zap.String("owner", ownerOf(l.Data)))
	}
	p, err := newProgram(l, namesOf(chosen), log)
	if err != nil {
		return err
	}
	reload.cert = p.cert
	go reload.run(ctx)
	public := slices.ContainsFunc(chosen, func(w worker) bool { return w.http })
	if err := p.listen(public, l.origin.given("admin.listen")); err != nil {
		return err
	}
	return p.run(ctx, p.specs(chosen), s.out)
}

// logConfiguration says where the configuration is from, and what of it is odd.
func logConfiguration(l *loaded, log *zap.Logger) {
	if len(l.unknown) > 0 {
		log.Warn("unknown environment variables", zap.Strings("names", l.unknown))
	}
	for _, old := range l.old {
		log.Warn("a setting has another name now", zap.String("so", old))
	}
	log.Info("configuration", zap.Stringer("source", l.source))
	if keys := visible(&l.Config, l.origin); len(keys) > 0 {
		log.Warn("other users of this machine see passwords that are given on the command line; give them in the file, by PSE_ variables, or that of the bus by bus.password_file", zap.Strings("keys", keys))
	}
}

// listen binds the public listeners, if a worker has routes (public), and the one for
// operators; thatOne: its address was asked for.
func (p *program) listen(public, thatOne bool) (err error) {
	if public {
		if err := p.listenPublic(); err != nil {
			return err
		}
	}
	if p.cfg.Admin.Listen == listenOff {
		return nil
	}
	p.admin, err = newAdmin(p.cfg.Admin, thatOne, p.reserve.admin, p.reg, p.sup.ready, p.degraded, p.log.Named("admin"))
	if err != nil {
		p.public.stop(0)
		return err
	}
	p.addrs.set("admin", p.admin.listener.Addr().String())
	return nil
}

func (p *program) listenPublic() (err error) {
	var secure func(...string) *tls.Config
	if p.cfg.HTTP.TLSListen != listenOff {
		if secure, err = p.cert.open(); err != nil {
			return err
		}
	}
	if p.public.trust, err = p.cfg.trust(); err != nil {
		return fmt.Errorf("http.trusted_proxies: %w", err)
	}
	if err := p.public.listen(p.cfg.HTTP, p.cfg.connections(p.public.trust), secure, p.reg, p.log.Named("http")); err != nil {
		return err
	}
	if err := p.listenBeside(secure); err != nil {
		p.public.stop(0)
		return err
	}
	p.addrs.set("http", p.public.clear.Addr().String())
	if p.public.secure != nil {
		p.addrs.set("https", p.public.secure.Addr().String())
	}
	return nil
}

// listenBeside binds the ports of HELIOS, and the one that an ACME server asks.
func (p *program) listenBeside(secure func(...string) *tls.Config) error {
	if p.cfg.Compat == compatHelios {
		if err := p.public.listenCompat(p.cfg.HTTP.Listen, secure); err != nil {
			return err
		}
	}
	if at := p.cfg.TLS.ACME; len(at.Names) > 0 && at.HTTPListen != "" {
		return p.public.listenChallenges(at.HTTPListen, p.cfg)
	}
	return nil
}

// run starts the workers, says what to paste where, and serves until ctx ends or a
// vital worker fails. All is stopped when it returns.
func (p *program) run(ctx context.Context, specs []spec, out io.Writer) (err error) {
	withdraw, err := announce(p.cfg.Data, p.running())
	if err != nil {
		p.log.Warn("cannot note where this process listens: pse ready and other commands need admin.listen", zap.Error(err))
		withdraw = func() {}
	}
	defer withdraw()
	defer func() { err = errors.Join(err, p.stop()) }()
	if p.public.server != nil {
		p.public.serve()
	}
	if err := p.sup.start(ctx, specs); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop while starting
		}
		return err
	}
	defer p.cert.start(ctx, func() {
		p.log.Info("the certificate is there: links have its name now", zap.String("url", p.site().home()))
	})()
	go p.cert.watch(ctx)
	go p.disks.look(ctx)
	go watchdog(ctx, func() { p.sup.ready() })
	p.log.Info("serving", zap.Strings("workers", p.chosen), zap.String("version", version()))
	if err := p.banner(out, p.chosen); err != nil {
		return err
	}
	started()
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.sup.failed:
		return err
	}
}

// stop ends first what is public, then the workers, then the admin listener.
func (p *program) stop() error {
	if p.admin != nil {
		p.admin.stopping.Store(true)
	}
	stopping()
	p.log.Info("stopping; a second signal ends at once")
	p.public.stop(p.cfg.HTTP.DrainTimeout)
	err := p.sup.stop(stopTime + p.cfg.Turn.Drain)
	p.admin.stop()
	return err
}
