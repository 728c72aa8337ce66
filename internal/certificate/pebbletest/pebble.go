// Package pebbletest runs Let's Encrypt's test server Pebble, and a DNS zone
// that it asks, for tests of certificates by ACME.
package pebbletest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process"
)

// build builds Pebble, as go.mod pins it, once for all tests of a package; the
// program goes with the directory, which is the system's for such things.
var build = sync.OnceValues(func() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "pebble-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bin, err := process.BuildPackage(ctx, dir, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(bin)
})

// Options say what Pebble does.
type Options struct {
	HTTP, TLS string        // host:port where it asks instead of ports 80 and 443 of a name
	Validity  time.Duration // of certificates; 0: 90 days
	Short     time.Duration // of those of the profile "shortlived", of which there is one among a hundred; 0: there is only that one, of Validity
	Refused   []string      // names for which it grants none
	Account   string        // the HMAC key (base64url) of account "kid-1", without which it serves nobody; empty: it serves all
	Resolver  string        // host:port of the DNS server it asks
}

// Pebble is a place for a server that may come and go.
type Pebble struct {
	Directory string // its URL
	CA        string // PEM file with the root of its own certificate

	t      testing.TB
	o      Options
	dir    string
	manage string // host:port of its management
	client *http.Client
	proc   *process.Process
}

// New finds a place for a server, which Start starts.
func New(t testing.TB, o Options) *Pebble {
	t.Helper()
	dir := t.TempDir()
	cert, _ := certificatetest.Write(t, dir, 1)
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	p := &Pebble{CA: cert, t: t, o: o, dir: dir, manage: free(t), client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}}
	listen := free(t)
	p.Directory = "https://" + listen + "/dir"
	p.configure(listen)
	return p
}

func free(t testing.TB) string {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func (p *Pebble) configure(listen string) {
	p.t.Helper()
	validity := p.o.Validity
	if validity == 0 {
		validity = 90 * 24 * time.Hour
	}
	profile := func(validity time.Duration) any {
		return map[string]any{"description": "of the test", "validityPeriod": int(validity / time.Second)}
	}
	profiles := map[string]any{"shortlived": profile(validity)}
	if p.o.Short > 0 {
		for i := range 99 { // of these Pebble takes any when none is named
			profiles["classic-"+strconv.Itoa(i)] = profile(validity)
		}
		profiles["shortlived"] = profile(p.o.Short)
	}
	keys := map[string]string{}
	if p.o.Account != "" {
		keys["kid-1"] = p.o.Account
	}
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": p.manage,
		"certificate": p.CA, "privateKey": filepath.Join(p.dir, "key.pem"),
		"httpPort": port(p.t, p.o.HTTP), "tlsPort": port(p.t, p.o.TLS),
		"externalAccountBindingRequired": p.o.Account != "", "externalAccountMACKeys": keys,
		"domainBlocklist": p.o.Refused, "retryAfter": map[string]int{"authz": 0, "order": 0}, "keyAlgorithm": "ecdsa",
		"profiles": profiles,
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "pebble.json"), text, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func port(t testing.TB, addr string) int {
	t.Helper()
	if addr == "" {
		return 1
	}
	_, digits, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Start starts the server; it is a new one each time, that knows of no account.
func (p *Pebble) Start() {
	p.t.Helper()
	program, err := build()
	if err != nil {
		p.t.Fatal(err)
	}
	bin := filepath.Join(p.dir, "pebble")
	if err := os.WriteFile(bin, program, 0o700); err != nil {
		p.t.Fatal(err)
	}
	said := filepath.Join(p.dir, "pebble.log")
	args := []string{"-config", filepath.Join(p.dir, "pebble.json")}
	if p.o.Resolver != "" {
		args = append(args, "-dnsserver", p.o.Resolver)
	}
	p.proc, err = process.Start(p.t.Context(), process.Options{CPU: -1, Log: said, Env: []string{"PEBBLE_VA_NOSLEEP=1"}}, bin, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		p.proc.Stop()
		if p.t.Failed() {
			p.t.Logf("pebble said: %s", process.Tail(said))
		}
	})
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	for _, addr := range []string{p.manage, p.Directory[len("https://") : len(p.Directory)-len("/dir")]} {
		if err := process.WaitTCP(ctx, addr); err != nil {
			p.t.Fatalf("%v: %s", err, process.Tail(said))
		}
	}
}

// Stop ends it.
func (p *Pebble) Stop() { p.proc.Stop() }

// Roots are those of its certificates; it makes new ones at each start.
func (p *Pebble) Roots() *x509.CertPool {
	p.t.Helper()
	r, err := p.client.Get("https://" + p.manage + "/roots/0")
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		p.t.Fatalf("no root of pebble: %s", text)
	}
	return pool
}
