package main

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process"
)

// certified writes a certificate for live.example.org that is good for a time from now.
func certified(t *testing.T, from, until time.Duration) (cert, key string) {
	t.Helper()
	return certificatetest.WriteFor(t, t.TempDir(), x509.Certificate{
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until), DNSNames: []string{"*.example.net", "live.example.org"},
	})
}

// A certificate that devices refuse keeps nobody from what needs none, and is
// said wherever an owner looks.
func TestRefusedCertificateIsSaid(t *testing.T) {
	t.Parallel()
	cert, key := certified(t, -90*24*time.Hour, -time.Hour)
	const want = "has expired"
	s := start(t, process.PSEOptions{Name: "refused", Set: []string{"tls.cert=" + cert, "tls.key=" + key, "http.public_url=https://box.example.org"}})
	body, err := get("http://"+s.Admin+"/readyz", http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	var r readiness
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if why := r.Degraded["certificate"]; !r.Ready || !strings.Contains(why, want) || !strings.Contains(why, "not for box.example.org") {
		t.Errorf("/readyz says %s", body)
	}
	metrics, err := get("http://"+s.Admin+"/metrics", http.StatusOK)
	if err != nil || !regexp.MustCompile(`(?m)^pse_tls_not_after_seconds\{certificate="files"\} \d`).MatchString(metrics) {
		t.Errorf("%v: no pse_tls_not_after_seconds", err)
	}
	for _, want := range []string{"!!! CERTIFICATE: " + cert, "devices will refuse this box"} {
		says(t, s, want)
	}
	out, err := cli(t, nil, "doctor", "--data", t.TempDir(), "--set", "tls.cert="+cert, "--set", "tls.key="+key)
	if err == nil || !regexp.MustCompile(`(?m)^BAD +certificate .*`+want+`.*renew`).MatchString(out) {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if out, err := cli(t, nil, "ready", "--data", t.TempDir(), "--set", "admin.listen="+s.Admin); err != nil || !strings.Contains(out, "degraded: ") {
		t.Errorf("ready: %v\n%s", err, out)
	}
}

// What the doctor says of each certificate.
func TestDoctorOnCertificates(t *testing.T) {
	t.Parallel()
	good, key := certified(t, -time.Hour, 90*24*time.Hour)
	_, other := certified(t, -time.Hour, 90*24*time.Hour)
	early, earlyKey := certified(t, time.Hour, 90*24*time.Hour)
	for name, c := range map[string]struct {
		cert, key, url, want string
	}{
		"good":            {good, key, "https://live.example.org", `^ok +certificate +for \*\.example\.net, live\.example\.org, until `},
		"for another":     {good, key, "https://box.example.org", `^BAD +certificate .*not for box\.example\.org; get one`},
		"not yet valid":   {early, earlyKey, "", `^BAD +certificate .*clock`},
		"another's key":   {good, other, "", `^BAD +certificate .*belong together`},
		"no such file":    {good + "x", key, "", `^BAD +certificate .*no such file`},
		"none of its own": {"", "", "", `^ok +certificate +a private one will be made`},
	} {
		out, _ := cli(t, nil, "doctor", "--data", t.TempDir(), "--set", "tls.cert="+c.cert, "--set", "tls.key="+c.key, "--set", "http.public_url="+c.url)
		if !regexp.MustCompile(`(?m)` + c.want).MatchString(out) {
			t.Errorf("%s:\n%s", name, out)
		}
	}
	out, _ := cli(t, nil, "doctor", "--data", t.TempDir(), "--set", "tls.acme.names=live.example.org")
	if !regexp.MustCompile(`(?m)^ok +certificate +none yet for live\.example\.org, by ACME from https://acme-v02`).MatchString(out) {
		t.Errorf("one that is yet to be asked for:\n%s", out)
	}
}

// Links name what the certificate is for.
func TestBannerNamesTheCertificate(t *testing.T) {
	cert, key := certified(t, -time.Hour, 90*24*time.Hour)
	p := &program{cfg: DefaultConfig(), bus: &busDialer{}, addrs: &addresses{by: map[string]string{"https": "10.0.0.7:8443", "http": "10.0.0.7:8080"}}}
	p.cfg.TLS.Cert, p.cfg.TLS.Key = cert, key
	p.cert = newCertifier(p.cfg, zap.NewNop())
	if _, err := p.cert.open(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.banner(&b, []string{"edge", "signal"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Watch     https://live.example.org:8443/\n", "Call      https://live.example.org:8443/call/\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %s", want, b.String())
		}
	}
}
