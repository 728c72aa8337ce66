package turn

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Two clients meet at our own relays, over every transport, with permissions,
// and then with the channels that pion's client binds.
func TestTwoRelaysMeet(t *testing.T) {
	for name, plain := range map[string]bool{"data plane": false, "pion's own path": true} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t).start(func(c *Config) { c.Plain = plain })
			if r.server.plane == nil != plain {
				t.Fatal("another path than was asked for")
			}
			for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
				a, _ := r.allocate(transport)
				b, _ := r.allocate("udp")
				for range 40 { // enough for the client to have bound a channel
					exchange(t, a, b, "there")
					exchange(t, b, a, "and back")
				}
			}
		})
	}
}

// exchange sends until it arrives: the first packets may come before a permission.
func exchange(t *testing.T, from, to net.PacketConn, text string) {
	t.Helper()
	for range 20 {
		if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 1500)
		_ = to.SetReadDeadline(time.Now().Add(bustest.Patience / 20))
		n, at, err := to.ReadFrom(p)
		if err != nil {
			_, _ = to.WriteTo([]byte("let me in"), from.LocalAddr()) // makes the permission
			continue
		}
		if string(p[:n]) == "let me in" {
			continue
		}
		if string(p[:n]) != text || at.String() != from.LocalAddr().String() {
			t.Fatalf("got %q from %v, want %q from %v", p[:n], at, text, from.LocalAddr())
		}
		return
	}
	t.Fatalf("%q does not arrive", text)
}

// Credentials come over the bus, and are good at every worker.
func TestCredentialsOverTheBus(t *testing.T) {
	w := newWorld(t)
	one, two := w.start(), w.start()
	c, err := w.bus.AskCredentials(t.Context(), bus.CredentialsQuery{User: "ann", Host: "[::1]:8443"}, bustest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	if c.TTL != 3600 || len(c.Servers) != 1 || len(c.Servers[0].URLs) != 2 {
		t.Fatalf("%+v", c)
	}
	for _, r := range []*running{one, two} {
		for _, transport := range []string{"udp", "tls"} {
			client := r.client(transport, c.Servers[0].Username, c.Servers[0].Credential)
			relay, err := client.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			_ = relay.Close()
		}
	}
}
