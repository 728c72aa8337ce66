// Package certificate keeps the TLS certificates of the listeners.
package certificate

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// recheck is how often a certificate's files are looked at, at most.
const recheck = time.Second

// A Pair is a certificate with its key in two PEM files, and follows them:
// whatever renews them needs to tell nobody. It is safe for concurrent use.
type Pair struct {
	cert, key string
	log       *zap.Logger

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	changed [2]time.Time // when the files were changed, as of when they were loaded
	checked time.Time
}

// Load reads a pair from its files.
func Load(cert, key string, log *zap.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log}
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("load the TLS certificate: %w; name PEM files that belong together", err)
	}
	return p, nil
}

// Config is how a server uses the pair: TLS 1.2 or newer, the application
// protocols as given.
func (p *Pair) Config(protocols ...string) *tls.Config {
	return serverConfig(protocols, func(now time.Time) (*tls.Certificate, error) { return p.current(now), nil })
}

// serverConfig is that of every server of ours, whose certificate of now is
// what current says.
func serverConfig(protocols []string, current func(now time.Time) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return current(time.Now())
	}}
}

// current is the pair in the files. New ones that cannot be read, or do not fit
// together (yet), leave the old one in use.
func (p *Pair) current(now time.Time) *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.checked) < recheck {
		return p.loaded
	}
	p.checked = now
	if p.stamp() != p.changed {
		if err := p.load(); err != nil {
			p.log.Warn("keeping the old TLS certificate: the new one cannot be loaded", zap.Error(err))
		}
	}
	return p.loaded
}

// load reads the files. It is called with the lock held, or by Load.
func (p *Pair) load() error {
	changed := p.stamp()
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return err
	}
	p.loaded, p.changed = &pair, changed
	return nil
}

func (p *Pair) stamp() [2]time.Time { return stamp(p.cert, p.key) }

// stamp is when two files were changed; the zero time for one that is not there.
func stamp(cert, key string) (changed [2]time.Time) {
	for i, name := range []string{cert, key} {
		if info, err := os.Stat(name); err == nil {
			changed[i] = info.ModTime()
		}
	}
	return changed
}
