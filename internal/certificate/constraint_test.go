package certificate

import (
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// What a root may vouch for: the box's names and private networks, whatever
// its key signs.
func TestRootIsConstrained(t *testing.T) {
	b := newBox(t, t.TempDir(), "dev", "box.local", "media.example.org", "203.0.113.5", "2001:db8:7:1::9")
	root := b.Root()
	if !root.Constrained || root.Until.Sub(root.Since) > 5*366*24*time.Hour {
		t.Errorf("constrained %v, from %v to %v", root.Constrained, root.Since, root.Until)
	}
	for host, want := range map[string]bool{
		"localhost": true, "box.local": true, "other.local": true, "nas.home.arpa": true, "a.b.internal": true,
		"media.example.org": true, "cam.media.example.org": true,
		"127.0.0.1": true, "10.9.8.7": true, "172.31.0.1": true, "192.168.178.20": true, "100.101.102.103": true, "169.254.3.4": true,
		"::1": true, "fd12::7": true, "fe80::7": true,
		"203.0.113.5": true, "2001:db8:7:1::9": true, "2001:db8:7:1:a:b:c:d": true, // the box's own, and what it may get next
		"example.org": false, "www.example.org": false, "bank.com": false, "notlocal": false, "local.bank.com": false,
		"dev": false, "web.dev": false, // the host's name is a domain of the public's
		"172.32.0.1": false, "192.169.0.1": false, "8.8.8.8": false, "203.0.113.6": false,
		"2001:db8:7:2::9": false, "2606:4700:4700::1111": false,
	} {
		if err := verify(t, root.PEM, b.forge(host), host, b.now); (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
		if err := verify(t, root.PEM, b.forge("localhost", host), "localhost", b.now); (err == nil) != want {
			t.Errorf("localhost, beside %s: %v", host, err)
		}
	}
	// The box's own certificate leaves out what would spoil it.
	for host, want := range map[string]bool{"box.local": true, "203.0.113.5": true, "dev": false} {
		if err := b.serves(root.PEM, host); (err == nil) != want {
			t.Errorf("the box as %s: %v", host, err)
		}
	}
}

// A name that the box gets later and that the root may not vouch for costs the
// others nothing, and is told; Renew permits it, without a restart.
func TestNewNameNeedsNewRoot(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir)
	logged, logs := observer.New(zap.WarnLevel)
	b.log = zap.New(logged)
	old := b.Root()
	b.names.add("box.example.org")
	b.names.add("198.51.100.1")
	if err := b.serves(old.PEM, "localhost"); err != nil {
		t.Error(err)
	}
	if b.serves(old.PEM, "box.example.org") == nil {
		t.Error("the root vouches for a name that it did not know of")
	}
	if told := logs.All(); len(told) != 1 || !strings.Contains(told[0].Message, "pse certificate renew") ||
		told[0].ContextMap()["without"] != "198.51.100.1 box.example.org" {
		t.Errorf("told: %v", told)
	}
	root, err := Renew(dir, *b.names)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "box.example.org", "198.51.100.1"} {
		if err := b.serves(root.PEM, host); err != nil {
			t.Errorf("%s, with the new root: %v", host, err)
		}
	}
	if b.serves(old.PEM, "localhost") == nil {
		t.Error("Renew is for a key that somebody took: the old root must be out of use")
	}
	if e := root.Earlier; e == nil || e.Fingerprint != old.Fingerprint || !e.Until.IsZero() {
		t.Errorf("the earlier root: %+v", e)
	}
}

// openssl, of all verifiers the one in most programs, agrees: it takes what is
// permitted, and nothing else.
func TestOpenSSLAgrees(t *testing.T) {
	b := newBox(t, t.TempDir(), "box.local", "media.example.org")
	dir := t.TempDir()
	root := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(root, b.Root().PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"box.local": true, "media.example.org": true, "192.168.1.20": true, "fd00::7": true,
		"www.bank.com": false, "8.8.8.8": false, "2606:4700:4700::1111": false,
	} {
		leaf := filepath.Join(dir, strings.ReplaceAll(host, ":", "_")+".pem")
		if err := os.WriteFile(leaf, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.forge(host).Certificate[0]}), 0o600); err != nil {
			t.Fatal(err)
		}
		kind := "-verify_hostname"
		if strings.Trim(host, "0123456789abcdef.:") == "" {
			kind = "-verify_ip"
		}
		out, err := exec.CommandContext(t.Context(), "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root, kind, host, leaf).CombinedOutput()
		if (err == nil) != want || !want && !strings.Contains(string(out), "permitted subtree violation") {
			t.Errorf("%s: %v\n%s", host, err, out)
		}
	}
}

func TestPermittedPartsAllNames(t *testing.T) {
	b := newBox(t, t.TempDir(), "media.example.org")
	in, out := permitted(b.root.cert, Names{
		DNS: []string{"localhost", "*.media.example.org", "*.example.org", "x"}, IPs: ips("10.0.0.1", "9.9.9.9", "fe80::1"),
	})
	if got, want := fmt.Sprint(in, " / ", out), "*.media.example.org 10.0.0.1 fe80::1 localhost / *.example.org 9.9.9.9 x"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
