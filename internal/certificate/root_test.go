package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// The next root comes by itself half a year before the end. Until then devices
// with either are served, and after it those with the new one; also in a
// program that never restarts, and in one that did.
func TestRootIsFollowed(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir, "box.local")
	old := b.Root()
	b.now = old.Until.Add(-overlap - time.Hour)
	if err := b.serves(old.PEM, "box.local"); err != nil {
		t.Fatal(err)
	}
	if now, err := Look(dir); err != nil || now.Fingerprint != old.Fingerprint {
		t.Fatalf("another root before it was due: %v", err)
	}
	b.now = old.Until.Add(-overlap)
	if err := b.serves(old.PEM, "box.local"); err != nil {
		t.Errorf("a device with the old root: %v", err)
	}
	next := b.root.describe(b.now)
	if next.Fingerprint == old.Fingerprint || next.Until.Sub(b.now) < rootLife-48*time.Hour {
		t.Fatalf("no new root: until %v", next.Until)
	}
	if e := next.Earlier; e == nil || e.Fingerprint != old.Fingerprint || !e.Until.Equal(old.Until) {
		t.Errorf("the earlier root: %+v", e)
	}
	restarted := b.open(dir)
	for name, b := range map[string]*box{"the same process": b, "another process": restarted} {
		for _, host := range []string{"box.local", "127.0.0.1"} {
			for what, root := range map[string][]byte{"old": old.PEM, "new": next.PEM} {
				if err := b.serves(root, host); err != nil {
					t.Errorf("%s, %s root, %s: %v", name, what, host, err)
				}
			}
		}
	}
	// A name that only the new root permits waits: it would spoil the certificate for devices with the old one.
	b.names.add("later.example.org")
	if err := b.serves(old.PEM, "box.local"); err != nil {
		t.Error(err)
	}
	b.now = old.Until.Add(time.Hour)
	if err := b.serves(next.PEM, "box.local"); err != nil {
		t.Errorf("after the old root's end: %v", err)
	}
	if b.serves(old.PEM, "box.local") == nil {
		t.Error("the old root is good for longer than it says")
	}
	if e := b.root.describe(b.now).Earlier; e == nil || !e.Until.IsZero() {
		t.Errorf("the earlier root, after its end: %+v", e)
	}
}

// openssl takes the one chain with either root.
func TestOpenSSLTakesBothRoots(t *testing.T) {
	b := newBox(t, t.TempDir(), "box.local")
	old := b.Root()
	b.now = old.Until.Add(-overlap)
	if err := b.serves(old.PEM, "box.local"); err != nil {
		t.Fatal(err)
	}
	c, err := b.current(b.now)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string][]byte{"old": old.PEM, "new": b.root.describe(b.now).PEM}
	for i, name := range []string{"leaf", "above"} {
		files[name] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[i]})
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	for _, root := range []string{"old", "new"} {
		cmd := exec.CommandContext(t.Context(), "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", strconv.FormatInt(b.now.Unix(), 10),
			"-CAfile", root, "-untrusted", "above", "-verify_hostname", "box.local", "leaf")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s root: %v\n%s", root, err, out)
		}
	}
}

// early writes the root of PSE's first versions: it may sign certificates for
// any site, and no other root.
func early(t *testing.T, dir string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "PSE on box"}, NotBefore: until.Add(-20 * 365 * 24 * time.Hour), NotAfter: until,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := sign(template, template, key, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&root{cert: cert, key: key}).write(dir); err != nil {
		t.Fatal(err)
	}
}

// A root of an early version works on as it is, until its owner renews it.
func TestEarlyRootWorksOn(t *testing.T) {
	dir := t.TempDir()
	early(t, dir, time.Now().Add(19*365*24*time.Hour))
	b := newBox(t, dir, "box", "box.example.org", "198.51.100.1")
	old := b.Root()
	if old.Constrained {
		t.Error("it cannot be constrained")
	}
	for _, host := range []string{"box", "box.example.org", "198.51.100.1"} {
		if err := b.serves(old.PEM, host); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	b.now = b.now.Add(5 * 365 * 24 * time.Hour)
	if err := b.serves(old.PEM, "box"); err != nil {
		t.Errorf("it was replaced, which devices cannot follow: %v", err)
	}
	b.now = time.Now()
	root, err := Renew(dir, *b.names)
	if err != nil {
		t.Fatal(err)
	}
	if !root.Constrained || root.Earlier == nil || root.Earlier.Fingerprint != old.Fingerprint {
		t.Errorf("renewed: %+v", root)
	}
}

// Its end comes too, at last.
func TestEarlyRootEnds(t *testing.T) {
	dir := t.TempDir()
	early(t, dir, time.Now().Add(renewal-time.Hour))
	b := newBox(t, dir)
	_ = b.serves(b.Root().PEM, "localhost")
	if now, err := Look(dir); err != nil || !now.Constrained {
		t.Errorf("not replaced: %+v, %v", now, err)
	}
}

// A crash between the two files of a new root costs neither: what stands there
// is the old root or the new one.
func TestCrashWhileRenewing(t *testing.T) {
	for name, c := range map[string]struct {
		undo []string // files that have not been put in place yet
		want string
	}{
		"before the root": {[]string{rootFile, keyFile}, "old"},
		"before the key":  {[]string{keyFile}, "new"},
		"after both":      {nil, "new"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := newBox(t, dir)
			prints := map[string]string{"old": b.Root().Fingerprint}
			before := map[string][]byte{}
			for _, f := range []string{rootFile, keyFile} {
				text, err := os.ReadFile(filepath.Join(dir, f))
				if err != nil {
					t.Fatal(err)
				}
				before[f] = text
			}
			root, err := Renew(dir, *b.names)
			if err != nil {
				t.Fatal(err)
			}
			prints["new"] = root.Fingerprint
			for _, f := range c.undo {
				if f == keyFile {
					if err := os.Rename(filepath.Join(dir, keyFile), filepath.Join(dir, keyNext)); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.WriteFile(filepath.Join(dir, f), before[f], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // what was settled stays so
				b := b.open(dir)
				if got := b.Root(); got.Fingerprint != prints[c.want] {
					t.Fatalf("not the %s root", c.want)
				} else if err := b.serves(got.PEM, "localhost"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Processes that start at once on one directory agree on a root.
func TestRootIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	var all [8]*box
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = newBox(t, dir) })
	}
	wg.Wait()
	for _, b := range all {
		if !bytes.Equal(b.Root().PEM, all[0].Root().PEM) {
			t.Error("two roots")
		}
	}
}
