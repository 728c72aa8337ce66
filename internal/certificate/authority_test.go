package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// box is an authority of a box with names that a test changes, and its time.
type box struct {
	*Authority
	t     *testing.T
	names *Names
	now   time.Time
}

func newBox(t *testing.T, dir string, names ...string) *box {
	t.Helper()
	return newBoxAt(t, dir, time.Now(), names...)
}

// newBoxAt is one whose authority opens at another time.
func newBoxAt(t *testing.T, dir string, now time.Time, names ...string) *box {
	t.Helper()
	b := &box{t: t, names: &Names{}, now: now}
	for _, n := range append([]string{"localhost", "127.0.0.1"}, names...) {
		b.names.add(n)
	}
	return b.open(dir)
}

// open opens it again, as another process would.
func (b *box) open(dir string) *box {
	b.t.Helper()
	a, err := open(dir, func() Names { return *b.names }, zap.NewNop(), b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return &box{Authority: a, t: b.t, names: b.names, now: b.now}
}

// serves verifies what a device that trusts a root alone gets now.
func (b *box) serves(root []byte, host string) error {
	b.t.Helper()
	b.now = b.now.Add(relook)
	c, err := b.current(b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return verify(b.t, root, c, host, b.now)
}

func verify(t *testing.T, root []byte, c *tls.Certificate, host string, now time.Time) error {
	t.Helper()
	o := x509.VerifyOptions{DNSName: host, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now}
	if !o.Roots.AppendCertsFromPEM(root) {
		t.Fatal("the root does not parse")
	}
	for _, der := range c.Certificate[1:] {
		above, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		o.Intermediates.AddCert(above)
	}
	_, err := c.Leaf.Verify(o)
	return err
}

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir, "box.local")
	root := b.Root()
	for _, host := range []string{"localhost", "box.local", "127.0.0.1"} {
		if err := b.serves(root.PEM, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if b.serves(root.PEM, "10.0.0.7") == nil {
		t.Error("an address that is not the box's is certified")
	}
	old, _ := b.current(b.now)
	b.names.add("10.0.0.7")
	if err := b.serves(root.PEM, "10.0.0.7"); err != nil {
		t.Errorf("the box's new address: %v", err)
	}
	b.now = old.Leaf.NotAfter // long after the renewal was due
	if err := b.serves(root.PEM, "localhost"); err != nil {
		t.Errorf("after a year: %v", err)
	}
	if life := old.Leaf.NotAfter.Sub(old.Leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("good for %v: phones refuse it", life)
	}

	if again := b.open(dir).Root(); !bytes.Equal(again.PEM, root.PEM) || again.Fingerprint != root.Fingerprint {
		t.Error("after a restart: another root")
	}
	for _, f := range []string{rootFile, keyFile} {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, func() Names { return *b.names }, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "remove") {
		t.Errorf("with a broken key: %v", err)
	}
}

// A real handshake, by a client that trusts the root alone, with whatever this
// machine is called.
func TestAuthorityServes(t *testing.T) {
	a, err := Open(t.TempDir(), func() Names { return Box(nil) }, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", a.Config("h2"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.Root().PEM)
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.ConnectionState().NegotiatedProtocol; p != "h2" {
		t.Errorf("protocol %q", p)
	}
}

func TestNames(t *testing.T) {
	var n Names
	for _, s := range []string{"Live.Example.org.", "live.example.org", "fe80::1", "::1", "0:0::1", "a b", "", "x..y", strings.Repeat("a", 64), "*.home"} {
		n.add(s)
	}
	if got, want := n.String(), "*.home ::1 fe80::1 live.example.org"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// forge is a certificate of the authority's own key for any name, as of a
// thief of the key.
func (b *box) forge(names ...string) *tls.Certificate {
	b.t.Helper()
	var n Names
	for _, name := range names {
		n.add(name)
	}
	unbound := *b.root
	bare := *unbound.cert
	bare.PermittedDNSDomains, bare.PermittedIPRanges = nil, nil
	unbound.cert = &bare
	thief := &Authority{root: &unbound, log: zap.NewNop()}
	c, err := thief.issue(n, b.now)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// ips makes addresses of a list.
func ips(list ...string) (all []net.IP) {
	for _, s := range list {
		all = append(all, net.ParseIP(s))
	}
	return all
}
