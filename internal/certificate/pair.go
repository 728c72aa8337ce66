// Package certificate keeps the TLS certificates of the listeners.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
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
	broken  error // why what is in the files now is not in use
}

// Load reads a pair from its files.
func Load(cert, key string, log *zap.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log}
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("load the TLS certificate: %w; name PEM files that belong together", err)
	}
	return p, nil
}

// Move has the pair come from other files. If they cannot be used it stays as it is.
func (p *Pair) Move(cert, key string) error {
	other, err := Load(cert, key, p.log)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cert, p.key, p.loaded, p.changed, p.broken = cert, key, other.loaded, other.changed, nil
	return nil
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
		p.broken = p.load()
		if err := p.broken; err != nil {
			p.log.Warn("keeping the old TLS certificate: the new one cannot be loaded", zap.Error(err))
		}
	}
	return p.loaded
}

// Leaf is the certificate in use.
func (p *Pair) Leaf(now time.Time) *x509.Certificate { return p.current(now).Leaf }

// Trouble says why devices refuse the certificate in use for a server of these
// names and addresses, or soon will; nil: they do not.
func (p *Pair) Trouble(names []string, now time.Time) error {
	leaf := p.Leaf(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return errors.Join(check(leaf, names, now), fmt.Errorf("the files %s and %s were changed, and cannot be used: %w", p.cert, p.key, p.broken))
	}
	if err := check(leaf, names, now); err != nil {
		return fmt.Errorf("%s: %w", p.cert, err)
	}
	return nil
}

// check says what is wrong with a server's certificate.
func check(leaf *x509.Certificate, names []string, now time.Time) error {
	var wrong []error
	left := leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		wrong = append(wrong, fmt.Errorf("the certificate has expired, on %s; renew it", day(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		wrong = append(wrong, fmt.Errorf("the certificate is valid only from %s on, and this machine's clock says %s; set the clock, or wait", day(leaf.NotBefore), day(now)))
	case left < leaf.NotAfter.Sub(leaf.NotBefore)/10:
		wrong = append(wrong, fmt.Errorf("the certificate ends soon, on %s, and has not been renewed", day(leaf.NotAfter)))
	}
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			wrong = append(wrong, fmt.Errorf("the certificate is for %s, and not for %s; get one that names it, or correct http.public_url and tls.names", strings.Join(Of(leaf), ", "), name))
		}
	}
	return errors.Join(wrong...)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// Of are the names and addresses that a certificate is for.
func Of(leaf *x509.Certificate) []string {
	all := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return []string{"no name at all"}
	}
	return all
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
