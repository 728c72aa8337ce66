package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// What the command line shows, renews and shows again is what the running
// program says of itself.
func TestCertificateCommands(t *testing.T) {
	data := t.TempDir()
	run := func(args ...string) (string, error) { return cli(t, nil, append([]string{"--data", data}, args...)...) }
	for _, args := range [][]string{{"certificate"}, {"certificate", "renew"}} {
		if _, err := run(args...); err == nil || !strings.Contains(err.Error(), "first pse serve makes it") {
			t.Errorf("%v without a root: %v", args, err)
		}
	}
	cert := newCertifier(Config{Data: data}, zap.NewNop())
	if _, err := cert.open(); err != nil {
		t.Fatal(err)
	}
	shown := func(args ...string) (fingerprint, out string) {
		t.Helper()
		out, err := run(args...)
		m := regexp.MustCompile(`^SHA-256    ([0-9A-F:]{95})\n`).FindStringSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return m[1], out
	}
	old, out := shown("certificate")
	if old != cert.fingerprint() || !strings.Contains(out, "for localhost local home.arpa") || strings.Contains(out, "Before it") {
		t.Errorf("%s, want %s:\n%s", old, cert.fingerprint(), out)
	}
	next, out := shown("certificate", "renew")
	if next == old || !strings.Contains(out, "Before it  "+old+", out of use") || !strings.Contains(out, "Each device now installs it") {
		t.Errorf("renewed:\n%s", out)
	}
	if again, _ := shown("certificate", "show"); again != next {
		t.Errorf("%s, want %s", again, next)
	}
	restarted := newCertifier(Config{Data: data}, zap.NewNop())
	if _, err := restarted.open(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	restarted.routes(mux, "127.0.0.1:8443")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/certificate", nil))
	var said saidCertificate
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Fingerprint != next || said.Earlier == nil || said.Earlier.Fingerprint != old || said.Earlier.Until != nil {
		t.Errorf("the box says %s, %v", w.Body, err)
	}
	for _, args := range [][]string{{"certificate", "show"}, {"certificate", "renew"}} {
		if out, err := run(append(args, "--set", "tls.cert=x.pem", "--set", "tls.key=y.pem")...); !strings.Contains(out, "x.pem") && (err == nil || !strings.Contains(err.Error(), "x.pem")) {
			t.Errorf("%v with a certificate of the owner's: %v\n%s", args, err, out)
		}
	}
}
