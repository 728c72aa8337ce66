package turn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/turn/probe"
)

// runProbe probes a transport and gives the steps.
func runProbe(t *testing.T, p probe.Probe, transport, host string) (steps []string, last probe.Finding) {
	t.Helper()
	ok := p.Run(t.Context(), transport, host, func(f probe.Finding) {
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
	p := probe.Probe{User: testUser, Password: testPassword, Insecure: true}
	all := []string{"connect", "stun", "allocate", "permission", "channel", "relay"}
	for transport, host := range map[string]string{"udp": clear, "tcp": clear, "tls": secure, "dtls": secure} {
		if steps, last := runProbe(t, p, transport, host); !slices.Equal(steps, all) || last.Err != nil {
			t.Errorf("%s: %v, %+v", transport, steps, last)
		}
	}
	if steps, last := runProbe(t, probe.Probe{}, "udp", clear); len(steps) != 2 || last.Err != nil {
		t.Errorf("without credentials: %v, %+v", steps, last)
	}
	for host, want := range map[string]bool{secure: true, fmt.Sprintf("localhost:%d", r.TLSPort()): false} {
		said := ""
		p.Run(t.Context(), "tls", host, func(f probe.Finding) { said += f.Seen })
		if got := strings.Contains(said, "Firefox"); got != want {
			t.Errorf("%s: %v, %s", host, got, said)
		}
	}
	for what, c := range map[string]struct {
		probe           probe.Probe
		transport, host string
		step, hint      string
	}{
		"wrong password":    {probe.Probe{User: testUser, Password: "guess"}, "udp", clear, "allocate", "password are wrong"},
		"nobody listens":    {p, "tcp", "127.0.0.1:1", "connect", "does it run there"},
		"a private root":    {probe.Probe{User: testUser, Password: testPassword}, "tls", secure, "connect", "certificate"},
		"TLS at clear port": {p, "tls", clear, "connect", "does it run there"},
	} {
		steps, last := runProbe(t, c.probe, c.transport, c.host)
		if last.Err == nil || last.Step != c.step || !strings.Contains(last.Err.Error(), c.hint) {
			t.Errorf("%s: %v, %+v", what, steps, last)
		}
	}
	full := w.start(func(c *Config) { c.MinPort, c.MaxPort = 49201, 49201 })
	if _, last := runProbe(t, p, "udp", fmt.Sprintf("127.0.0.1:%d", full.Port())); last.Err == nil || !strings.Contains(last.Err.Error(), "turn.min_port") {
		t.Errorf("with one port: %+v", last)
	}
}
