package main

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/certificate"
)

// rootPath is where a phone gets the private authority's root.
const rootPath = "/certificate/pse.crt"

// A certifier is where all TLS listeners of this process have their
// certificate from: the owner's files, or a private authority. It is opened
// when the first of them asks.
type certifier struct {
	cfg   TLSConfig
	dir   string
	names []string
	log   *zap.Logger

	mu        sync.Mutex // guards what follows
	config    func(protocols ...string) *tls.Config
	authority *certificate.Authority // nil with the owner's files
}

func newCertifier(cfg Config, log *zap.Logger) *certifier {
	c := &certifier{cfg: cfg.TLS, dir: filepath.Join(cfg.Data, "tls"), names: cfg.TLS.Names, log: log}
	if u, err := url.Parse(cfg.HTTP.PublicURL); err == nil && u.Hostname() != "" {
		c.names = append(c.names[:len(c.names):len(c.names)], u.Hostname())
	}
	return c
}

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
		c.config = pair.Config
		return c.config, nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, err
	}
	a, err := certificate.Open(c.dir, func() certificate.Names { return certificate.Box(c.names) }, c.log)
	if err != nil {
		return nil, err
	}
	c.config, c.authority = a.Config, a
	return c.config, nil
}

// routes answers what a phone needs to trust this box, whose HTTPS listens at addr.
func (c *certifier) routes(mux *http.ServeMux, addr string) {
	_, digits, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(digits)
	c.mu.Lock()
	a := c.authority
	c.mu.Unlock()
	mux.HandleFunc("GET /api/certificate", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		_ = json.NewEncoder(w).Encode(say(a, port))
	})
	if a == nil {
		return
	}
	mux.HandleFunc("GET "+rootPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-x509-ca-cert") // phones offer to install it
		w.Header().Set("Content-Disposition", `attachment; filename="pse.crt"`)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(a.Root().PEM)
	})
}

// saidCertificate is what the box says of its certificate.
type saidCertificate struct {
	Private     bool         `json:"private"` // of an authority that phones do not know
	Root        string       `json:"root,omitempty"`
	Fingerprint string       `json:"fingerprint,omitempty"` // SHA-256 of the root
	Since       *time.Time   `json:"since,omitempty"`       // when the root was made
	Until       *time.Time   `json:"until,omitempty"`       // and its end
	Constrained bool         `json:"constrained,omitempty"` // it vouches for this box and private networks only
	Earlier     *saidEarlier `json:"earlier,omitempty"`
	HTTPS       int          `json:"https,omitempty"` // the port
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
	said.Private, said.Root, said.Fingerprint, said.Constrained = true, rootPath, root.Fingerprint, root.Constrained
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
