package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"go.uber.org/zap"
)

// A reloader reads the configuration again when it is asked to by SIGHUP, and
// takes what can change while the program runs.
type reloader struct {
	now    Config
	read   func() (*loaded, error)
	level  zap.AtomicLevel
	cert   *certifier
	log    *zap.Logger
	in     any    // standard input
	person bool   // it is a terminal
	stop   func() // ends the program
	asked  chan os.Signal
}

// listen has SIGHUP no longer end the program, but where the terminal that it was
// started in is closed.
func (r *reloader) listen() {
	r.person = isTerminal(r.in)
	r.asked = make(chan os.Signal, 1)
	signal.Notify(r.asked, syscall.SIGHUP)
}

// run reloads whenever it is asked to, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	defer signal.Stop(r.asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
			if r.hungUp() {
				r.log.Info("the terminal is gone")
				r.stop()
				return
			}
			done := reloading()
			r.reload()
			done()
		}
	}
}

// hungUp says whether the terminal that the program was started in is no more.
func (r *reloader) hungUp() bool { return r.person && !isTerminal(r.in) }

// reload takes what it can of the configuration as it is now, and says so.
func (r *reloader) reload() {
	l, err := r.read()
	if err != nil {
		r.log.Error("the configuration cannot be read again; what is in force stays", zap.Error(err))
		return
	}
	var applied, later []string
	old, fresh := settings(&r.now), settings(&l.Config)
	for i := range old {
		was, err := old[i].text()
		is, err2 := fresh[i].text()
		if err != nil || err2 != nil || was == is {
			continue
		}
		switch key := old[i].key; key {
		case "log.level":
			if lvl, err := level(l.Log.Level); err == nil {
				r.level.SetLevel(lvl)
				applied = append(applied, key)
				old[i].value.Set(fresh[i].value)
			}
		case "tls.cert", "tls.key": // together
		default:
			later = append(later, key)
		}
	}
	if tls := []string{"tls.cert", "tls.key"}; r.now.TLS.Cert != l.TLS.Cert || r.now.TLS.Key != l.TLS.Key {
		switch moved, err := r.cert.move(l.TLS.Cert, l.TLS.Key); {
		case err != nil:
			r.log.Error("the TLS certificate stays as it was", zap.Error(err))
		case moved:
			applied = append(applied, tls...)
			r.now.TLS.Cert, r.now.TLS.Key = l.TLS.Cert, l.TLS.Key
		default:
			later = append(later, tls...)
		}
	}
	r.cert.again()
	slices.Sort(later)
	r.log.Info("the configuration was read again", zap.Stringer("source", l.source), zap.Strings("applied", applied), zap.Strings("after a restart", later))
}
