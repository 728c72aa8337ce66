package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What no ACME server could do is said before one is asked.
func TestACMEConfigErrors(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"names: [live.example.org]":                                                "",
		"names: [live.example.org, 8.8.8.8], challenges: [tls-alpn-01]":            "",
		"names: [pse.internal, 10.0.0.7], directory: 'https://ca.internal/acme'":   "",
		"names: ['*.example.org'], dns: {server: 'ns:53', key_name: k, key: c2Vz}": "",

		"email: ann@example.org":                     "tls.acme.names are missing",
		"names: [live]":                              `names has "live"; write a domain`,
		"names: ['*.*.org']":                         "write a domain",
		"names: [pse.local]":                         "Let's Encrypt cannot vouch for it",
		"names: [192.168.1.20]":                      "Let's Encrypt cannot vouch for it",
		"names: ['*.example.org']":                   "only DNS can prove",
		"names: [a.example.org], directory: 'http:'": "write the https:// URL",
		"names: [a.example.org], ca: /none.pem":      "tls.acme.ca: open /none.pem",
		"names: [a.example.org], ca: " + empty:       "has no certificate in PEM",
		"names: [a.example.org], key_id: kid":        "key_id and key go together",
		"names: [a.example.org], challenges: [dns]":  "use http-01 or tls-alpn-01",
		"names: [a.example.org], http_listen: '80'":  "http_listen is \"80\"; write host:port",

		"names: [8.8.8.8], dns: {server: 'ns:53', key_name: k, key: c2Vz}":                            "which DNS cannot prove",
		"names: [a.example.org], dns: {key_name: k}":                                                  "dns.server is missing",
		"names: [a.example.org], dns: {server: ns, key_name: k, key: c2Vz}":                           "dns.server is \"ns\"; write host:port",
		"names: [a.example.org], dns: {server: 'ns:53', key_name: k, key: '!'}":                       "in base64",
		"names: [a.example.org], dns: {server: 'ns:53', key_name: k, key: c2Vz, algorithm: hmac-md5}": "use one of hmac-sha1",
	} {
		_, err := load(write(t, "tls: {acme: {"+text+"}}\n"), nil, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
