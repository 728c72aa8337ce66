package probe

import (
	"strings"
	"testing"
)

func TestTransports(t *testing.T) {
	for uri, want := range map[string]string{
		"turn:box":                     "udp tcp at box:3478",
		"turn:box:99?transport=udp":    "udp at box:99",
		"turn:[::1]:99?transport=tcp":  "tcp at [::1]:99",
		"turns:box":                    "dtls tls at box:5349",
		"turns:box:443?transport=tcp":  "tls at box:443",
		"turns:box:5349?transport=udp": "dtls at box:5349",
		"stun:box":                     "udp at box:3478",
		"http://box":                   "",
		"box":                          "",
	} {
		all, host, err := Transports(uri)
		if got := strings.Join(all, " ") + " at " + host; err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %s, %v", uri, got, err)
		}
	}
}
