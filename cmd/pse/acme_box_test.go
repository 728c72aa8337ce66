package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/certificate/pebbletest"
	"github.com/helios-h2020/pse/internal/process"
)

const acmeName = "live.example.org"

// An acmeBox is a box whose name has its certificate from a Pebble.
type acmeBox struct {
	t      *testing.T
	pebble *pebbletest.Pebble
	zone   *pebbletest.Zone
	http   string
	https  string
	set    []string
	data   string
	*process.PSE
}

// newACMEBox makes one that is not started, and neither is its Pebble.
func newACMEBox(t *testing.T, o pebbletest.Options, name string, set ...string) *acmeBox {
	t.Helper()
	b := &acmeBox{t: t, zone: pebbletest.NewZone(t, "example.org"), http: freeAddr(t), https: freeAddr(t), data: t.TempDir()}
	o.TLS, o.Resolver = b.https, b.zone.Addr
	if o.HTTP == "" {
		o.HTTP = b.http
	}
	b.pebble = pebbletest.New(t, o)
	b.set = append([]string{
		"http.tls_listen=" + b.https, "tls.acme.names=" + name, "tls.acme.directory=" + b.pebble.Directory, "tls.acme.ca=" + b.pebble.CA,
	}, set...)
	return b
}

func (b *acmeBox) start() {
	b.t.Helper()
	b.PSE = start(b.t, process.PSEOptions{Name: "acme", Data: b.data, HTTP: b.http, Set: b.set})
}

// dial asks the box for a name (none: for its address), and returns the
// certificate if it is of one of the roots.
func (b *acmeBox) dial(name string, roots *x509.CertPool) (*x509.Certificate, error) {
	if name == "" {
		name, _, _ = net.SplitHostPort(b.https) // no client names an address
	}
	c, err := tls.Dial("tcp", b.https, &tls.Config{ServerName: name, RootCAs: roots, InsecureSkipVerify: roots == nil})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// serves waits until the box has a certificate of Pebble for a name.
func (b *acmeBox) serves(name string) (c *x509.Certificate) {
	b.t.Helper()
	roots := b.pebble.Roots()
	eventually(b.t, func() (err error) {
		c, err = b.dial(name, roots)
		return err
	})
	return c
}

// degraded is what /readyz says of the certificate.
func (b *acmeBox) degraded() string {
	b.t.Helper()
	body, err := get("http://"+b.Admin+"/readyz", http.StatusOK)
	if err != nil {
		b.t.Fatal(err)
	}
	var r readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		b.t.Fatal(err)
	}
	return r.Degraded["certificate"]
}

// isWell waits until nothing is wrong with the certificate.
func (b *acmeBox) isWell() {
	b.t.Helper()
	eventually(b.t, func() error {
		if why := b.degraded(); why != "" {
			return errors.New(why)
		}
		return nil
	})
}

// doctor is what the doctor says of the certificate.
func (b *acmeBox) doctor() string {
	b.t.Helper()
	args := []string{"doctor", "--data", b.data}
	for _, kv := range b.set {
		args = append(args, "--set", kv)
	}
	out, _ := cli(b.t, nil, args...)
	for line := range strings.Lines(out) {
		if strings.Contains(line, " certificate ") {
			return line
		}
	}
	return out
}
