package certificate

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"go.uber.org/zap"
)

// A pretended connection has addresses.
type pretended struct {
	net.Conn
	local, remote string
}

func (p pretended) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.local))
}

func (p pretended) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.remote))
}

// Who asks for an address does not say which. Behind a router it is the public
// one for clients from the Internet, and that of the box for those at home.
func TestWhatAClientAskedFor(t *testing.T) {
	t.Parallel()
	a, err := OpenACME(t.TempDir(), ACMEConfig{Names: []string{"live.example.org", "203.0.113.5", "2001:db8::5"}}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer a.cache.Stop()
	for _, c := range []struct{ name, local, remote, want string }{
		{"Live.Example.Org.", "192.168.1.20:8443", "198.51.100.9:50000", "[live.example.org]"},
		{"", "192.168.1.20:8443", "192.168.1.33:50000", "[192.168.1.20]"},
		{"", "192.168.1.20:8443", "198.51.100.9:50000", "[192.168.1.20 203.0.113.5 2001:db8::5]"},
		{"", "[::ffff:203.0.113.5]:8443", "[::ffff:10.0.0.9]:50000", "[203.0.113.5]"},
		{"", "[fe80::1%eth0]:8443", "[fe80::2%eth0]:50000", "[fe80::1]"},
	} {
		got := fmt.Sprint(a.asked(&tls.ClientHelloInfo{ServerName: c.name, Conn: pretended{local: c.local, remote: c.remote}}))
		if got != c.want {
			t.Errorf("%q at %s from %s: %s, want %s", c.name, c.local, c.remote, got, c.want)
		}
	}
	if got := a.asked(&tls.ClientHelloInfo{}); len(got) != 0 { // as DTLS asks
		t.Errorf("of a connection that is not known: %s", got)
	}
}

// Let's Encrypt vouches for addresses by one profile; others need not know it.
func TestProfileOfAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ directory, profile, want string }{
		{"", "", "shortlived"},
		{"https://acme-staging-v02.api.letsencrypt.org/directory", "", "shortlived"},
		{"", "tlsserver", "tlsserver"},
		{"https://ca.internal/acme/acme/directory", "", ""},
	} {
		if got := (ACMEConfig{Directory: c.directory, Profile: c.profile}).addressProfile(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
