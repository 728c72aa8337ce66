package main

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/helios-h2020/pse/internal/certificate"
)

// ACMEConfig says how certificates for names of the box's own are got from an
// ACME server. Without names none are.
type ACMEConfig struct {
	Names      []string `yaml:"names"`     // domains and public addresses that lead to this box; *.example.org with dns only
	Email      string   `yaml:"email"`     // where the server may write to; empty: nowhere
	Directory  string   `yaml:"directory"` // the server's URL; empty: Let's Encrypt, with names you consent to its terms
	CA         string   `yaml:"ca"`        // PEM file with the roots to trust for directory; empty: the system's
	Profile    string   `yaml:"profile"`   // one that the server offers; empty: its default, of Let's Encrypt for addresses shortlived
	KeyID      string   `yaml:"key_id"`    // the account that some servers want (external account binding)
	Key        string   `yaml:"key" secret:"value"`
	Challenges []string `yaml:"challenges"`  // http-01, tls-alpn-01; empty: both
	HTTPListen string   `yaml:"http_listen"` // host:port that port 80 of the names leads to, as :80; empty: it leads to http.listen

	DNS ACMEDNSConfig `yaml:"dns"`
}

// ACMEDNSConfig is the DNS server that proves the names (DNS-01), by updates
// after RFC 2136.
type ACMEDNSConfig struct {
	Server    string `yaml:"server"` // host:port; empty: names are proven by challenges
	KeyName   string `yaml:"key_name"`
	Key       string `yaml:"key" secret:"value"` // TSIG, base64
	Algorithm string `yaml:"algorithm"`          // hmac-sha256 and the like
	Resolver  string `yaml:"resolver"`           // host:port of the DNS server to ask whether it is done; empty: those of the zone
}

// tsigAlgorithms are those of RFC 8945 that are not to be avoided.
var tsigAlgorithms = []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}

func (c ACMEConfig) validate() []error {
	if len(c.Names) == 0 {
		if c.Email != "" || c.Directory != "" || c.DNS.Server != "" || c.HTTPListen != "" {
			return []error{errors.New("names are missing: say for what to get certificates, or remove the rest")}
		}
		return nil
	}
	errs := c.validateNames()
	if u, err := url.Parse(c.Directory); c.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		errs = append(errs, fmt.Errorf("directory is %q; write the https:// URL of an ACME server", c.Directory))
	}
	if c.CA != "" {
		if _, err := c.roots(); err != nil {
			errs = append(errs, err)
		}
	}
	if (c.KeyID == "") != (c.Key == "") {
		errs = append(errs, errors.New("key_id and key go together; give both or none"))
	}
	for _, ch := range c.Challenges {
		if ch != certificate.HTTP01 && ch != certificate.TLSALPN01 {
			errs = append(errs, fmt.Errorf("challenges has %q; use %s or %s, or give dns for dns-01", ch, certificate.HTTP01, certificate.TLSALPN01))
		}
	}
	if c.HTTPListen != "" {
		errs = append(errs, address("http_listen", c.HTTPListen))
	}
	return append(errs, c.DNS.validate()...)
}

// validateNames finds what no server can vouch for in the way that is given.
func (c ACMEConfig) validateNames() (errs []error) {
	for _, name := range c.Names {
		ip := net.ParseIP(name)
		switch {
		case ip == nil && !certificate.IsName(name):
			errs = append(errs, fmt.Errorf("names has %q; write a domain like live.example.org, or an address", name))
		case ip != nil && c.DNS.Server != "":
			errs = append(errs, fmt.Errorf("names has the address %s, which DNS cannot prove; remove it, or dns", name))
		case strings.HasPrefix(name, "*.") && c.DNS.Server == "":
			errs = append(errs, fmt.Errorf("names has %s, which only DNS can prove; give dns.server, or write each name", name))
		case c.Directory == "" && certificate.IsPrivate(name):
			errs = append(errs, fmt.Errorf("names has %s, which exists in private networks only: Let's Encrypt cannot vouch for it; give the directory of an ACME server of yours, or a public name", name))
		}
	}
	return errs
}

func (c ACMEDNSConfig) validate() (errs []error) {
	if c.Server == "" {
		if c.KeyName != "" || c.Key != "" || c.Resolver != "" {
			return []error{errors.New("dns.server is missing: say which DNS server to update, or remove the rest")}
		}
		return nil
	}
	errs = append(errs, address("dns.server", c.Server))
	if c.Resolver != "" {
		errs = append(errs, address("dns.resolver", c.Resolver))
	}
	if key, err := base64.StdEncoding.DecodeString(c.Key); c.KeyName == "" || err != nil || len(key) == 0 {
		errs = append(errs, errors.New("dns.key_name and dns.key are those of a TSIG key, the latter in base64; the DNS server's operator has them"))
	}
	if !slices.Contains(tsigAlgorithms, c.Algorithm) {
		errs = append(errs, fmt.Errorf("dns.algorithm is %q; use one of %s", c.Algorithm, strings.Join(tsigAlgorithms, ", ")))
	}
	return errs
}

// roots are those of the file; nil without one.
func (c ACMEConfig) roots() (*x509.CertPool, error) {
	if c.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: %s has no certificate in PEM", c.CA)
	}
	return pool, nil
}
