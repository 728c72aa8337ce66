package turn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/certificate"
	"github.com/helios-h2020/pse/turn/auth"
)

// answerer says by what clients reach the relay, and with which credentials.
type answerer struct {
	cfg         Config
	addresses   *addresses
	sockets     *sockets
	credentials *auth.Credentials
	worker      string                              // Bus.ID of ours
	ours        func() []netip.Addr                 // addresses of this machine
	certificate func(name string) *x509.Certificate // that TLS shows who asks for a name; nil: there is none
}

// answer gives a client servers and credentials.
func (a *answerer) answer(_ context.Context, q bus.CredentialsQuery) (bus.Credentials, error) {
	user := strings.TrimSpace(q.User)
	if user == "" || len(user) > auth.LongestUser {
		return bus.Credentials{}, errors.New("name the user that the credentials are for, in up to 300 bytes")
	}
	name, password, ok := a.credentials.Make(user, time.Now())
	if !ok {
		return bus.Credentials{}, errors.New("the relay has no secret yet; ask again in a second")
	}
	return bus.Credentials{
		Servers: []bus.ICEServer{{URLs: a.urls(a.used(q)), Username: name, Credential: password}},
		TTL:     int(a.cfg.TTL / time.Second),
	}, nil
}

// urls are how a client reaches this relay that reached us by a host.
func (a *answerer) urls(host string) []string {
	h := a.host(host)
	at := func(port int) string { return net.JoinHostPort(h, strconv.Itoa(port)) }
	urls := []string{"turn:" + at(a.sockets.port) + "?transport=udp", "turn:" + at(a.sockets.port) + "?transport=tcp"}
	if a.sockets.tlsPort != 0 {
		for _, h = range a.certified(h) {
			urls = append(urls, "turns:"+at(a.sockets.tlsPort)+"?transport=tcp")
		}
	}
	return urls
}

// certified are names or addresses by which TLS shows a certificate that is for them, and
// that clients trust: host, or else another; empty: there is none. Browsers refuse a
// private certificate without asking. After an address comes a name, if there is one:
// Firefox takes nothing else for TLS (findings/firefox-turns-address.sh).
func (a *answerer) certified(host string) (hosts []string) {
	names := append([]string{host}, a.cfg.PublicNames...)
	if leaf := a.certificate(host); leaf != nil && !certificate.IsOurs(leaf) { // ours is for localhost too
		names = append(names, leaf.DNSNames...) // of a wildcard no host is known
	}
	for _, name := range names {
		if !a.trusted(name) {
			continue
		}
		if _, err := netip.ParseAddr(name); err != nil {
			return append(hosts, name)
		}
		if hosts == nil {
			hosts = []string{name}
		}
	}
	return hosts
}

// trusted says whether TLS shows who asks for a name a certificate that is for it, and
// that clients trust.
func (a *answerer) trusted(name string) bool {
	leaf := a.certificate(name)
	return !strings.Contains(name, "*") && leaf != nil && leaf.VerifyHostname(bracketed(name)) == nil && (a.cfg.PublicTLS || !certificate.IsOurs(leaf))
}

// bracketed is a host as VerifyHostname takes it.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// used is the host by which a client reached the relay's machine, without a port; empty:
// nobody knows. What it reached another worker by is that of this machine when it is an
// address of it.
func (a *answerer) used(q bus.CredentialsQuery) string {
	host := q.Host
	if bare, _, err := net.SplitHostPort(host); err == nil {
		host = bare
	}
	host = strings.Trim(host, "[]")
	if q.Worker == "" || q.Worker == a.worker {
		return host
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !slices.Contains(a.ours(), ip.Unmap()) {
		return ""
	}
	return host
}

// host is the name or address by which clients reach this relay: as configured,
// or from outside; else as the client did it already (used); else an address of ours.
func (a *answerer) host(used string) string {
	if a.cfg.PublicHost != "" {
		return a.cfg.PublicHost
	}
	for _, ip := range []netip.Addr{a.addresses.v4, a.addresses.v6} {
		if out, ok := a.addresses.external[ip]; ok {
			return out.String()
		}
	}
	if used != "" {
		return used
	}
	if listened := a.sockets.clear[0].Addr(); !listened.IsUnspecified() {
		return listened.String()
	}
	if a.addresses.v4.IsValid() {
		return a.addresses.v4.String()
	}
	return a.addresses.v6.String()
}

// shown is what a server shows who asks for a name; an address is not asked for (RFC 6066 3).
func shown(secure *tls.Config) func(name string) *x509.Certificate {
	return func(name string) *x509.Certificate {
		if secure == nil || secure.GetCertificate == nil {
			return nil
		}
		hello := &tls.ClientHelloInfo{}
		if _, err := netip.ParseAddr(name); err != nil {
			hello.ServerName = name
		}
		c, err := secure.GetCertificate(hello)
		if err != nil || c == nil {
			return nil
		}
		return c.Leaf
	}
}
