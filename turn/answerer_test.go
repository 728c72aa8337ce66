package turn

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process/processtest"
	"github.com/helios-h2020/pse/turn/probe"
	"github.com/pion/dtls/v3"
)

// urls asks for servers.
func (w *world) urls(q bus.CredentialsQuery) []string {
	w.t.Helper()
	q.User = "ann"
	c, err := w.bus.RequestCredentials(w.t.Context(), q, bustest.Patience)
	if err != nil || len(c.Servers) != 1 {
		w.t.Fatalf("%+v, %v", c, err)
	}
	return c.Servers[0].URLs
}

// A client is told the host by which it came, unless one is configured; one that it
// reached another machine by is not the relay's.
func TestServersNameTheHostOfTheClient(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	turn := func(host string) string { return fmt.Sprintf("turn:%s:%d?transport=udp", host, r.Port()) }
	for q, want := range map[bus.CredentialsQuery]string{
		{}:                                  "127.0.0.1",
		{Host: "box.example.org"}:           "box.example.org",
		{Host: "192.168.1.20:8443"}:         "192.168.1.20",
		{Host: "[2001:db8::1]:8443"}:        "[2001:db8::1]",
		{Host: "[2001:db8::1]"}:             "[2001:db8::1]",
		{Host: "box", Worker: r.bus.ID()}:   "box",
		{Host: "box", Worker: "other"}:      "127.0.0.1",
		{Host: "192.0.2.9", Worker: "o"}:    "127.0.0.1",
		{Host: "127.0.0.1:80", Worker: "o"}: "127.0.0.1",
		{Host: "[::1]:8443", Worker: "o"}:   map[bool]string{true: "[::1]", false: "127.0.0.1"}[slices.Contains(own(), netip.IPv6Loopback())],
	} {
		if got := w.urls(q)[0]; got != turn(want) {
			t.Errorf("%+v: %s, want %s", q, got, want)
		}
	}
	for name, change := range map[string]func(*Config){
		"turn.example.org": func(c *Config) { c.PublicHost = "turn.example.org" },
		"203.0.113.5":      func(c *Config) { c.ExternalIPs = []string{"203.0.113.5"} },
	} {
		w := newWorld(t)
		w.start(change)
		if got := w.urls(bus.CredentialsQuery{Host: "192.168.1.20"})[0]; !strings.HasPrefix(got, "turn:"+name+":") {
			t.Errorf("%s, want %s", got, name)
		}
	}
}

// A box without a way to elsewhere, as one at home without a router, relays from an
// address that others reach, and is called as they call it.
func TestBoxWithoutARoute(t *testing.T) {
	if !processtest.InNetwork(t, `ip addr add 192.168.77.1/24 dev lo && ip addr add 192.168.78.1/24 dev lo`, time.Minute) {
		return
	}
	w := newWorld(t)
	r := w.start(func(c *Config) { c.Listen, c.RelayIPs = ":0", nil })
	for host, want := range map[string]string{"": "192.168.77.1", "192.168.78.1:8443": "192.168.78.1", "pse.local": "pse.local"} {
		if got := w.urls(bus.CredentialsQuery{Host: host, Worker: r.bus.ID()})[0]; !strings.HasPrefix(got, "turn:"+want+":") {
			t.Errorf("by %q: %s, want %s", host, got, want)
		}
	}
	if at := r.raw("udp").allocate(); at.Addr().String() != "192.168.77.1" {
		t.Errorf("it relays from %s", at)
	}
	if _, last := runProbe(t, probe.Probe{}, "udp", net.JoinHostPort("192.168.78.1", fmt.Sprint(r.Port()))); last.Err != nil {
		t.Errorf("at its second address: %+v", last)
	}
}

// TLS is told of by a name that its certificate is for, by an address only beside a name
// where there is one, which Firefox needs, and never with one that browsers refuse.
func TestServersOverTLSMatchTheCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificatetest.WriteFor(t, dir, x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"*.example.net", "live.example.org"}, IPAddresses: []net.IP{net.ParseIP("2001:db8::5")}})
	public, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	private := w.secure.GetCertificate
	overTLS := func(host string) string {
		var hosts []string
		for _, u := range w.urls(bus.CredentialsQuery{Host: host}) {
			if rest, ok := strings.CutPrefix(u, "turns:"); ok {
				hosts = append(hosts, rest[:strings.LastIndex(rest, ":")])
			}
		}
		return strings.Join(hosts, " ")
	}
	w.start()
	if got := overTLS("127.0.0.1"); got != "" {
		t.Errorf("a private certificate, for %s", got)
	}
	w = newWorld(t)
	w.start(func(c *Config) { c.PublicTLS = true })
	if got := overTLS("127.0.0.1"); got != "127.0.0.1" {
		t.Errorf("a private certificate that all trust, for %q", got)
	}
	if got := overTLS("box.example.com"); got != "" {
		t.Errorf("a private certificate, for %q, which is no name of the box elsewhere", got)
	}
	w = newWorld(t)
	w.start(func(c *Config) { c.PublicTLS, c.PublicNames = true, []string{"127.0.0.1", "localhost"} }) // the second is in its certificate
	for host, want := range map[string]string{"127.0.0.1": "127.0.0.1 localhost", "localhost": "localhost", "box.example.com": "127.0.0.1 localhost"} {
		if got := overTLS(host); got != want {
			t.Errorf("a private certificate, by %q: %q, want %q", host, got, want)
		}
	}
	w = newWorld(t)
	w.secure = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName == "acme.example.org" || h.ServerName == "" {
			return private(h)
		}
		return &public, nil
	}}
	w.start(func(c *Config) { c.PublicNames = []string{"acme.example.org", "live.example.org"} })
	for host, want := range map[string]string{
		"live.example.org": "live.example.org", "a.example.net:443": "a.example.net", "192.168.1.20": "live.example.org",
		"acme.example.org": "live.example.org", "other.example.com": "live.example.org", "": "live.example.org",
	} {
		if got := overTLS(host); got != want {
			t.Errorf("by %q: %q, want %q", host, got, want)
		}
	}
	w = newWorld(t)
	w.secure = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &public, nil }}
	w.start()
	for host, want := range map[string]string{"2001:db8::5": "[2001:db8::5] live.example.org", "192.168.1.20": "live.example.org", "a.example.net": "a.example.net"} {
		if got := overTLS(host); got != want {
			t.Errorf("with a certificate for an address too, by %q: %q, want %q", host, got, want)
		}
	}
}

// Over DTLS too a client is shown the certificate of the name that it asks for; one that asks for none, the other.
func TestCertificateByNameOverDTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificatetest.WriteFor(t, t.TempDir(), x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"live.example.org"}})
	public, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	private := w.secure.GetCertificate
	w.secure = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if h.ServerName == "live.example.org" {
			return &public, nil
		}
		return private(h)
	}}
	r := w.start()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: r.TLSPort()}
	for name, want := range map[string]bool{"live.example.org": true, "": false} {
		c, err := dtls.DialWithOptions("udp4", to, dtls.WithInsecureSkipVerify(true), dtls.WithServerName(name), dtls.WithLoggerFactory(silent))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		state, _ := c.ConnectionState()
		if got := string(state.PeerCertificates[0]) == string(public.Certificate[0]); got != want {
			t.Errorf("who asks for %q gets the certificate of that name: %v", name, got)
		}
	}
}
