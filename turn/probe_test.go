package turn

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// run probes a transport and gives the steps.
func probe(t *testing.T, p Probe, transport, host string) (steps []string, last Finding) {
	t.Helper()
	ok := p.Run(t.Context(), transport, host, func(f Finding) {
		steps = append(steps, f.Step)
		last = f
	})
	if ok != (last.Err == nil) {
		t.Errorf("%v, but %+v", ok, last)
	}
	return steps, last
}

func TestProbe(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	clear, secure := fmt.Sprintf("127.0.0.1:%d", r.Port()), fmt.Sprintf("127.0.0.1:%d", r.TLSPort())
	p := Probe{User: testUser, Password: testPassword, Insecure: true}
	all := []string{"connect", "stun", "allocate", "permission", "channel", "relay"}
	for transport, host := range map[string]string{"udp": clear, "tcp": clear, "tls": secure, "dtls": secure} {
		if steps, last := probe(t, p, transport, host); !slices.Equal(steps, all) || last.Err != nil {
			t.Errorf("%s: %v, %+v", transport, steps, last)
		}
	}
	if steps, last := probe(t, Probe{}, "udp", clear); len(steps) != 2 || last.Err != nil {
		t.Errorf("without credentials: %v, %+v", steps, last)
	}
	for what, c := range map[string]struct {
		probe           Probe
		transport, host string
		step, hint      string
	}{
		"wrong password":    {Probe{User: testUser, Password: "guess"}, "udp", clear, "allocate", "password are wrong"},
		"nobody listens":    {p, "tcp", "127.0.0.1:1", "connect", "does it run there"},
		"a private root":    {Probe{User: testUser, Password: testPassword}, "tls", secure, "connect", "certificate"},
		"TLS at clear port": {p, "tls", clear, "connect", "does it run there"},
	} {
		steps, last := probe(t, c.probe, c.transport, c.host)
		if last.Err == nil || last.Step != c.step || !strings.Contains(last.Err.Error(), c.hint) {
			t.Errorf("%s: %v, %+v", what, steps, last)
		}
	}
	full := w.start(func(c *Config) { c.MinPort, c.MaxPort = 49201, 49201 })
	if _, last := probe(t, p, "udp", fmt.Sprintf("127.0.0.1:%d", full.Port())); last.Err == nil || !strings.Contains(last.Err.Error(), "turn.min_port") {
		t.Errorf("with one port: %+v", last)
	}
}

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
