package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	acmeLook     = 10 * time.Second // how often it is looked whether a certificate is to be renewed
	acmePatience = time.Minute      // with what fails and is not the server's matter, as a full disk
	acmeLoading  = 5 * time.Second  // what is stored may take so long to be read, with the answers about revocation
	acmeStop     = 3 * time.Second  // the library may wait much longer for a server that is silent; then it is left behind
	acmeProtocol = "acme-tls/1"     // RFC 8737
	shortLived   = "shortlived"     // the profile by which Let's Encrypt vouches for addresses
)

// Challenges that ACME knows to prove that a name is ours (RFC 8555 8, RFC 8737).
const (
	HTTP01    = "http-01"
	TLSALPN01 = "tls-alpn-01"
	DNS01     = "dns-01"
)

// An ACMEConfig says for which names certificates are asked for, of which server, and
// how it is proven that the names are ours.
type ACMEConfig struct {
	Names      []string       // domains, and addresses; *.example.org with DNS only
	Email      string         // where the server may write to; empty: nowhere
	Directory  string         // the server's URL; empty: Let's Encrypt
	Roots      *x509.CertPool // of the server's certificate; nil: the system's
	Profile    string         // one that the server offers; empty: its default, of Let's Encrypt for addresses shortlived
	KeyID, Key string         // the account that a server wants beside its own (RFC 8555 7.3.4): its id, and its HMAC key in base64url
	Challenges []string       // HTTP01 and TLSALPN01; empty: both. With DNS there is only that one
	HTTP, TLS  string         // host:port of ours to which ports 80 and 443 of the names lead; where nobody listens, that is done while a challenge goes on
	DNS        DNSProvider    // nil: no DNS01
	Resolver   string         // host:port of the DNS server to ask what is in DNS; empty: the system's, and those of the zone
}

// directory is the server's URL.
func (c ACMEConfig) directory() string {
	if c.Directory == "" {
		return certmagic.LetsEncryptProductionCA
	}
	return c.Directory
}

// addressProfile is that of certificates for addresses: Let's Encrypt vouches
// for those by one alone, which other servers need not have.
func (c ACMEConfig) addressProfile() string {
	if u, err := url.Parse(c.directory()); c.Profile == "" && err == nil && strings.HasSuffix(u.Hostname(), ".api.letsencrypt.org") {
		return shortLived
	}
	return c.Profile
}

// has says whether a challenge may be used.
func (c ACMEConfig) has(challenge string) bool {
	if c.DNS != nil || challenge == DNS01 {
		return c.DNS != nil && challenge == DNS01
	}
	return len(c.Challenges) == 0 || slices.Contains(c.Challenges, challenge)
}

// ACME has the certificates of some names, which an ACME server vouches for
// (RFC 8555), and renews them. It keeps them and its account in a directory,
// which several processes may share. It is safe for concurrent use.
type ACME struct {
	cfg   ACMEConfig
	log   *zap.Logger
	store *acmeStore
	cache *certmagic.Cache
	// Names and addresses are of different profiles.
	domains, addresses acmeTries
	handshakes         *certmagic.Config // those for other names are not logged
	failing            map[string]chan struct{}

	mu    sync.Mutex
	again chan struct{} // guarded by mu; closed when what failed is to be tried at once
}

// acmeTries are how the library asks for a certificate. A server that was made
// anew refuses for ever the renewal of what it does not know (RFC 9773 5), so a
// renewal that failed is tried again as if there had been none before.
type acmeTries struct{ first, later *certmagic.Config }

// OpenACME reads what is stored; nothing is asked of the server before Run.
func OpenACME(dir string, cfg ACMEConfig, log *zap.Logger) (*ACME, error) {
	a := &ACME{cfg: cfg, log: log, failing: map[string]chan struct{}{}, again: make(chan struct{})}
	var err error
	if a.store, err = openACMEStore(dir); err != nil {
		return nil, fmt.Errorf("certificates by ACME: %w", err)
	}
	quiet := log // the library tells each step, we what comes of it
	if !log.Core().Enabled(zap.DebugLevel) {
		quiet = zap.NewNop()
	}
	a.cache = certmagic.NewCache(certmagic.CacheOptions{RenewCheckInterval: acmeLook, Logger: quiet, GetConfigForCert: func(c certmagic.Certificate) (*certmagic.Config, error) {
		return a.tries(c.Names[0]).first, nil
	}})
	tries := func(profile string) acmeTries {
		return acmeTries{first: a.newConfig(profile, false, quiet), later: a.newConfig(profile, true, quiet)}
	}
	a.domains, a.addresses = tries(cfg.Profile), tries(cfg.addressProfile())
	a.handshakes = a.newConfig(cfg.Profile, false, zap.NewNop())
	for _, name := range cfg.Names {
		a.failing[name] = make(chan struct{}, 1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), acmeLoading)
	defer cancel()
	for _, name := range cfg.Names {
		if _, err := a.tries(name).first.CacheManagedCertificate(ctx, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.fail(name, err)
		}
	}
	return a, nil
}

// newConfig is how certificates of a profile are asked for; fresh: without a
// word of those before.
func (a *ACME) newConfig(profile string, fresh bool, log *zap.Logger) *certmagic.Config {
	c := certmagic.New(a.cache, certmagic.Config{Storage: a.store.files, Logger: log, OnEvent: a.event, DisableARI: fresh})
	issuer := certmagic.ACMEIssuer{
		CA: a.cfg.directory(), Email: a.cfg.Email, Agreed: true, Profile: profile, TrustedRoots: a.cfg.Roots, Logger: log,
		DisableHTTPChallenge: !a.cfg.has(HTTP01), DisableTLSALPNChallenge: !a.cfg.has(TLSALPN01),
	}
	if a.cfg.KeyID != "" {
		issuer.ExternalAccount = &acme.EAB{KeyID: a.cfg.KeyID, MACKey: a.cfg.Key}
	}
	issuer.ListenHost, issuer.AltHTTPPort = split(a.cfg.HTTP)
	_, issuer.AltTLSALPNPort = split(a.cfg.TLS)
	if a.cfg.DNS != nil {
		issuer.DNS01Solver = solver(a.cfg, log)
	}
	c.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(c, issuer)}
	return c
}

// split parts host:port; nothing of what is not that.
func split(addr string) (host string, port int) {
	host, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0
	}
	port, _ = strconv.Atoi(digits)
	return host, port
}

// tries are those by which a name gets its certificate.
func (a *ACME) tries(name string) acmeTries {
	if net.ParseIP(name) != nil {
		return a.addresses
	}
	return a.domains
}

// Run gets the certificates and renews them until ctx ends. It calls got when a
// name has its first.
func (a *ACME) Run(ctx context.Context, got func()) {
	var names sync.WaitGroup
	for _, name := range a.cfg.Names {
		names.Go(func() { a.keep(ctx, name, got) })
	}
	<-ctx.Done()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		names.Wait()
		a.cache.Stop()
	}()
	select {
	case <-ended:
	case <-time.After(acmeStop):
	}
}

// Again has what failed be tried again at once.
func (a *ACME) Again() {
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.again)
	a.again = make(chan struct{})
}

// attempt is a context that ends when what failed is to be tried anew, or ctx ends.
func (a *ACME) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	a.mu.Lock()
	again := a.again
	a.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-again:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// keep gets the certificate of a name. The library renews it by itself, once: we
// try again, ever more rarely, what the server did not grant, and at once when
// somebody asks for it.
func (a *ACME) keep(ctx context.Context, name string, got func()) {
	for how := a.tries(name); ctx.Err() == nil; {
		attempt, cancel := a.attempt(ctx)
		first, err := a.leaf(name) == nil, error(nil)
		if first {
			err = how.first.ObtainCertAsync(attempt, name)
		} else if a.store.failure(name) != "" {
			err = how.later.RenewCertAsync(attempt, name, true)
		}
		if err == nil {
			_, err = how.first.CacheManagedCertificate(ctx, name)
		}
		switch {
		case attempt.Err() != nil: // again
		case err != nil:
			a.fail(name, err)
			sleep.For(attempt, acmePatience)
		default:
			a.store.succeeded(name)
			if first {
				got()
			}
			select {
			case <-a.failing[name]:
				sleep.For(attempt, acmePatience)
			case <-attempt.Done():
			}
		}
		cancel()
	}
}

// event takes what the library tells.
func (a *ACME) event(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_failed":
		if err, ok := data["error"].(error); ok {
			a.fail(name, err)
		}
		select {
		case a.failing[name] <- struct{}{}:
		default: // it is known
		}
	case "cert_obtained":
		a.store.succeeded(name)
		a.log.Info("got a TLS certificate", zap.String("name", name), zap.String("from", a.cfg.directory()), zap.Any("renewal", data["renewal"]))
	}
	return nil
}

// fail keeps in mind why there is no (new) certificate.
func (a *ACME) fail(name string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	why := a.cfg.inWords(name, err)
	a.log.Error("got no TLS certificate", zap.String("name", name), zap.String("why", why), zap.NamedError("said", err))
	a.store.failed(name, why)
}

// leaf is the certificate of a name, nil when there is none.
func (a *ACME) leaf(name string) *x509.Certificate {
	if c := a.newest(name); c != nil {
		return c.Leaf
	}
	return nil
}

// newest is the certificate for a name that is good longest, nil when there is none.
func (a *ACME) newest(name string) *tls.Certificate {
	var best *tls.Certificate
	for _, c := range a.cache.AllMatchingCertificates(name) {
		if best == nil || c.Leaf.NotAfter.After(best.Leaf.NotAfter) {
			best = &c.Certificate
		}
	}
	return best
}

// For is the certificate for a client that asks for a name or an address,
// nil when there is none that is good.
func (a *ACME) For(name string, now time.Time) *x509.Certificate {
	if c := a.newest(strings.ToLower(name)); c != nil && now.Before(c.Leaf.NotAfter) {
		return c.Leaf
	}
	return nil
}

// Config is how a server uses them, with the application protocols as given.
// Whom none of them is for gets the certificate of the private authority.
func (a *ACME) Config(private *Authority, protocols ...string) *tls.Config {
	c := private.Config(protocols...)
	if len(protocols) > 0 && a.cfg.has(TLSALPN01) { // without any, a server takes clients of every protocol
		c.NextProtos = append(slices.Clone(protocols), acmeProtocol)
	}
	other := c.GetCertificate
	c.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if slices.Equal(hello.SupportedProtos, []string{acmeProtocol}) {
			return a.handshakes.GetCertificate(hello)
		}
		for _, name := range a.asked(hello) {
			if c := a.newest(name); c != nil && time.Now().Before(c.Leaf.NotAfter) {
				return c, nil
			}
		}
		return other(hello)
	}
	return c
}

// asked is what a client may have asked for. Who asks for an address does not
// say which: it is that of the connection, or where a router is between us and
// the Internet, which a client from there came through, any of ours.
func (a *ACME) asked(hello *tls.ClientHelloInfo) []string {
	if hello.ServerName != "" {
		return []string{strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))}
	}
	if hello.Conn == nil {
		return nil // DTLS does not say
	}
	all := []string{addressOf(hello.Conn.LocalAddr()).String()}
	if isPrivateAddress(addressOf(hello.Conn.RemoteAddr())) {
		return all
	}
	for _, name := range a.cfg.Names {
		if net.ParseIP(name) != nil {
			all = append(all, name)
		}
	}
	return all
}

func addressOf(a net.Addr) netip.Addr {
	p, _ := netip.ParseAddrPort(a.String())
	return p.Addr().Unmap().WithZone("")
}

// ServeHTTP answers the server's questions by HTTP (RFC 8555 8.3); what is none
// of them is not found.
func (a *ACME) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	issuer, ok := a.handshakes.Issuers[0].(*certmagic.ACMEIssuer)
	if !ok || !issuer.HandleHTTPChallenge(w, r) {
		http.NotFound(w, r)
	}
}
