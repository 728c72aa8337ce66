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

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	names := Names{DNS: []string{"localhost", "box.local"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}
	a, err := Open(dir, func() Names { return names }, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.Root()) {
		t.Fatal("the root does not parse")
	}
	now := time.Now()
	verify := func(a *Authority, host string) error {
		t.Helper()
		now = now.Add(rename)
		c, err := a.current(now)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now})
		return err
	}
	for _, host := range []string{"localhost", "box.local", "127.0.0.1"} {
		if err := verify(a, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if verify(a, "10.0.0.7") == nil {
		t.Error("an address that is not the box's is certified")
	}
	old, _ := a.current(now)
	names.add("10.0.0.7")
	if err := verify(a, "10.0.0.7"); err != nil {
		t.Errorf("the box's new address: %v", err)
	}
	now = old.Leaf.NotAfter // long after the renewal was due
	if err := verify(a, "localhost"); err != nil {
		t.Errorf("after a year: %v", err)
	}
	if life := old.Leaf.NotAfter.Sub(old.Leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("good for %v: phones refuse it", life)
	}

	again, err := Open(dir, func() Names { return names }, zap.NewNop())
	if err != nil || !bytes.Equal(again.Root(), a.Root()) || again.Fingerprint() != a.Fingerprint() {
		t.Errorf("after a restart: another root, %v", err)
	}
	for _, f := range []string{"ca.pem", "ca.key"} {
		if info, err := os.Stat(filepath.Join(dir, f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, func() Names { return names }, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "remove") {
		t.Errorf("with a broken key: %v", err)
	}
}

// A real handshake, by a client that trusts the root alone.
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
	roots.AppendCertsFromPEM(a.Root())
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
