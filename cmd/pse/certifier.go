package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/certificate"
	"github.com/helios-h2020/pse/internal/sleep"
)

// Where a phone gets the private authority's root, as it is and as a
// configuration profile.
const (
	rootPath    = "/certificate/pse.crt"
	profilePath = "/certificate/pse.mobileconfig"
)

// A certifier is where all TLS listeners of this process have their
// certificate from: the owner's files, or a private authority, and for some
// names an ACME server. It is opened when the first of them asks.
type certifier struct {
	cfg    TLSConfig
	byACME func() (certificate.ACMEConfig, error) // what cfg.ACME comes to
	dir    string
	names  []string
	log    *zap.Logger

	mu        sync.Mutex // guards what follows
	config    func(protocols ...string) *tls.Config
	authority *certificate.Authority // nil with the owner's files
	pair      *certificate.Pair      // the owner's files, nil without
	acme      *certificate.ACME      // nil without such names
}

func newCertifier(cfg Config, log *zap.Logger) *certifier {
	c := &certifier{cfg: cfg.TLS, byACME: cfg.acme, dir: filepath.Join(cfg.Data, "tls"), log: log}
	c.names = slices.Concat(cfg.TLS.Names, cfg.TLS.ACME.Names)
	if u, err := url.Parse(cfg.HTTP.PublicURL); err == nil && u.Hostname() != "" {
		c.names = append(c.names, u.Hostname())
	}
	return c
}

// acmeDir is where certificates by ACME are, and the account.
func (c *certifier) acmeDir() string { return filepath.Join(c.dir, "acme") }

// open gives what makes a listener's configuration.
func (c *certifier) open() (func(protocols ...string) *tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config != nil {
		return c.config, nil
	}
	if c.cfg.Cert != "" {
		pair, err := certificate.Load(c.cfg.Cert, c.cfg.Key, c.log)
		if err != nil {
			return nil, err
		}
		c.config, c.pair = pair.Config, pair
		return c.config, nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	a, err := certificate.Open(c.dir, func() certificate.Names { return certificate.Box(c.names) }, c.log)
	if err != nil {
		return nil, err
	}
	if len(c.cfg.ACME.Names) == 0 {
		c.config, c.authority = a.Config, a
		return c.config, nil
	}
	how, err := c.byACME()
	if err != nil {
		return nil, err
	}
	acme, err := certificate.OpenACME(c.acmeDir(), how, c.log)
	if err != nil {
		return nil, err
	}
	c.config = func(protocols ...string) *tls.Config { return acme.Config(a, protocols...) }
	c.authority, c.acme = a, acme
	return c.config, nil
}

// trouble says why devices refuse the owner's certificate, or one by ACME, or
// soon will. Nil-safe.
func (c *certifier) trouble(now time.Time) error {
	if pair := c.owners(); pair != nil {
		return pair.Trouble(c.names, now)
	}
	var all []error
	for _, s := range c.states() {
		all = append(all, s.Trouble(now))
	}
	return errors.Join(all...) // a private authority renews its own
}

// owners are the owner's files, nil without, or while nobody needs them. Nil-safe.
func (c *certifier) owners() *certificate.Pair {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pair
}

// managed are the certificates by ACME, nil without, or while nobody needs them. Nil-safe.
func (c *certifier) managed() *certificate.ACME {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acme
}

// states are those of the certificates by ACME. Nil-safe.
func (c *certifier) states() []certificate.State {
	if acme := c.managed(); acme != nil {
		return acme.States()
	}
	return nil
}

// start gets certificates by ACME, and renews them, until ctx ends or stop is
// called. It calls got when a name has its first.
func (c *certifier) start(ctx context.Context, got func()) (stop func()) {
	acme := c.managed()
	if acme == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		acme.Run(ctx, got)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// again has an ACME server be asked at once for what it did not grant.
func (c *certifier) again() {
	if acme := c.managed(); acme != nil {
		acme.Again()
	}
}

// move has the owner's certificate come from other files. It reports false where
// it did not come from files, or is to come from none: that takes a restart.
func (c *certifier) move(cert, key string) (bool, error) {
	pair := c.owners()
	if pair == nil || cert == "" {
		return false, nil
	}
	return true, pair.Move(cert, key)
}

// host is what a link over TLS may call this machine: what it is reached by, if
// the certificate is for that, else a name that it is for; empty if there is none.
func (c *certifier) host(reached string) string {
	if acme := c.managed(); acme != nil {
		return hostByACME(acme, reached, c.cfg.ACME.Names)
	}
	pair := c.owners()
	if pair == nil {
		return reached
	}
	leaf := pair.Leaf(time.Now())
	if leaf.VerifyHostname(reached) == nil {
		return reached
	}
	for _, name := range leaf.DNSNames {
		if !strings.Contains(name, "*") && leaf.VerifyHostname(name) == nil {
			return name
		}
	}
	return ""
}

// hostByACME is the host of links to this machine when its names have certificates by ACME.
func hostByACME(acme *certificate.ACME, reached string, names []string) string {
	for _, name := range append([]string{reached}, names...) {
		if !strings.Contains(name, "*") && acme.For(name, time.Now()) != nil {
			return name
		}
	}
	return ""
}

// lookEvery is how often somebody looks whether a certificate has become bad.
const lookEvery = 10 * time.Minute

// watch says in the log when there is trouble with the certificate, and when it
// is over, until ctx ends.
func (c *certifier) watch(ctx context.Context) {
	said := ""
	for {
		now := ""
		if err := c.trouble(time.Now()); err != nil && !c.waits() {
			now = err.Error()
		}
		switch {
		case now != "" && now != said:
			c.log.Error("devices will refuse this box", zap.String("why", now))
		case now == "" && said != "":
			c.log.Info("the certificate is good again")
		}
		said = now
		if !sleep.For(ctx, lookEvery) {
			return
		}
	}
}

// waits says that an ACME server was asked for the first time, and has not answered yet.
func (c *certifier) waits() bool {
	return slices.ContainsFunc(c.states(), func(s certificate.State) bool { return s.Leaf == nil && s.Failed == "" })
}

// Describe is prometheus's.
func (c *certifier) Describe(ch chan<- *prometheus.Desc) { ch <- notAfter }

// Collect is prometheus's.
func (c *certifier) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	authority, pair := c.authority, c.pair
	c.mu.Unlock()
	switch {
	case pair != nil:
		ch <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(pair.Leaf(time.Now()).NotAfter.Unix()), "files")
	case authority != nil:
		ch <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(authority.Root().Until.Unix()), "root")
	}
	for _, s := range c.states() {
		if s.Leaf != nil {
			ch <- prometheus.MustNewConstMetric(notAfter, prometheus.GaugeValue, float64(s.Leaf.NotAfter.Unix()), s.Name)
		}
	}
}

var notAfter = prometheus.NewDesc("pse_tls_not_after_seconds", "When the certificate ends, Unix time: that of tls.cert (files), the private root (root), or of a name by ACME (the name).", []string{"certificate"}, nil)

// routes answers what a phone needs to trust this box, whose HTTPS listens at addr.
func (c *certifier) routes(mux *http.ServeMux, addr string) {
	_, digits, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(digits)
	c.mu.Lock()
	a := c.authority
	c.mu.Unlock()
	mux.HandleFunc("GET /api/certificate", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		said := say(a, port)
		if acme := c.managed(); acme != nil {
			said.Name = hostByACME(acme, hostOf(r), c.cfg.ACME.Names)
			said.Private = said.Name != hostOf(r)
		}
		_ = json.NewEncoder(w).Encode(said)
	})
	if acme := c.managed(); acme != nil {
		mux.Handle("GET "+challengePath, acme)
	}
	if a == nil {
		return
	}
	mux.HandleFunc("GET "+rootPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-x509-ca-cert") // phones offer to install it
		w.Header().Set("Content-Disposition", `attachment; filename="pse.crt"`)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(a.Root().PEM)
	})
	mux.HandleFunc("GET "+profilePath, func(w http.ResponseWriter, _ *http.Request) {
		profile, err := a.Root().Profile()
		if err != nil {
			c.log.Error("no profile of the root", zap.Error(err))
			http.Error(w, "no profile could be made; install the root itself", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", certificate.ProfileType)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(profile)
	})
}

// saidCertificate is what the box says of its certificate.
type saidCertificate struct {
	Private     bool         `json:"private"` // of an authority that phones do not know
	Root        string       `json:"root,omitempty"`
	Profile     string       `json:"profile,omitempty"`     // the root as a configuration profile, for Apple's devices
	Fingerprint string       `json:"fingerprint,omitempty"` // SHA-256 of the root
	Since       *time.Time   `json:"since,omitempty"`       // when the root was made
	Until       *time.Time   `json:"until,omitempty"`       // and its end
	Constrained bool         `json:"constrained,omitempty"` // it vouches for this box and private networks only
	Earlier     *saidEarlier `json:"earlier,omitempty"`
	HTTPS       int          `json:"https,omitempty"` // the port
	Name        string       `json:"name,omitempty"`  // what to call the box there, so that all devices trust it
}

// saidEarlier is the root that devices may have from before.
type saidEarlier struct {
	Fingerprint string     `json:"fingerprint"`
	Until       *time.Time `json:"until,omitempty"` // it is good until then; none: no more
}

// say is what to say now. There is no authority when the certificate is the owner's.
func say(a *certificate.Authority, port int) saidCertificate {
	said := saidCertificate{HTTPS: port}
	if a == nil {
		return said
	}
	root := a.Root()
	said.Private, said.Root, said.Profile = true, rootPath, profilePath
	said.Fingerprint, said.Constrained = root.Fingerprint, root.Constrained
	said.Since, said.Until = &root.Since, &root.Until
	if e := root.Earlier; e != nil {
		said.Earlier = &saidEarlier{Fingerprint: e.Fingerprint}
		if !e.Until.IsZero() {
			said.Earlier.Until = &e.Until
		}
	}
	return said
}

// fingerprint is that of the private root, or empty. Nil-safe.
func (c *certifier) fingerprint() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authority == nil {
		return ""
	}
	return c.authority.Root().Fingerprint
}

// challengePath is where ACME servers ask (RFC 8555 8.3).
const challengePath = "/.well-known/acme-challenge/"

// hostOf is the host that a request was made to, without the port.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
