package turn

import (
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/turn/auth"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path)
		if r.server.dataPlane == nil != r.cfg.Plain {
			t.Fatal("another path than was asked for")
		}
		for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
			a, left := r.allocate(transport)
			b, right := r.allocate("udp")
			if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
				t.Fatal(err)
			}
			for range 40 { // enough for the client to have bound a channel
				exchange(t, a, b, "there")
				exchange(t, b, a, "and back")
			}
		}
	})
}

// exchange sends a packet, and waits until it arrives from where it was sent.
func exchange(t *testing.T, from, to net.PacketConn, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1500)
	_ = to.SetReadDeadline(time.Now().Add(bustest.Patience))
	n, at, err := to.ReadFrom(p)
	if err != nil || string(p[:n]) != text || at.String() != from.LocalAddr().String() {
		t.Fatalf("got %q from %v, %v, want %q from %v", p[:n], at, err, text, from.LocalAddr())
	}
}

// Credentials come over the bus, and are good at every worker.
func TestCredentialsOverTheBus(t *testing.T) {
	w := newWorld(t)
	one, two := w.start(), w.start()
	c, err := w.bus.RequestCredentials(t.Context(), bus.CredentialsQuery{User: "ann", Host: "[::1]:8443"}, bustest.Patience)
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

// Two workers and their clients do not notice that the secret changes: what was
// handed out stays good, what is handed out is good everywhere.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	one, two := w.start(), w.start()
	ask := func() bus.ICEServer {
		t.Helper()
		c, err := w.bus.RequestCredentials(t.Context(), bus.CredentialsQuery{User: "ann"}, bustest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return c.Servers[0]
	}
	old := ask()
	keys, err := w.bus.RotateSharedKeys(t.Context(), secretsName, 0, time.Hour)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	for _, r := range []*running{one, two} {
		bustest.Eventually(t, "the new secret is known", func() bool {
			return len(r.server.credentials.Of(auth.Claim{Name: "9999999999:ann", Algorithm: auth.MD5}, time.Now())) == 2
		})
		name := "9999999999:bob"
		for what, c := range map[string]bus.ICEServer{
			"handed out before": old, "handed out now": ask(), "of the new secret": {Username: name, Credential: restPassword(keys[1].Secret, name)},
		} {
			relay, err := r.client("udp", c.Username, c.Credential).Allocate()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			_ = relay.Close()
		}
	}
}

// A worker that is asked to stop takes nobody new, hands out nothing, and lets
// those that are there go on until they end.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	r := w.start(func(c *Config) { c.Drain = bustest.Patience })
	a, left := r.allocate("udp")
	b, right := r.allocate("tcp")
	if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
		t.Fatal(err)
	}
	r.ask()
	bustest.Eventually(t, "the worker drains", func() bool { return r.Ready() != nil })
	late := r.raw("udp")
	late.greet()
	if code, _ := late.ask(late.request(stun.MethodAllocate, requestUDP())); code != stun.CodeInsufficientCapacity {
		t.Errorf("a new allocation: %d", code)
	}
	bustest.Eventually(t, "no credentials are handed out", func() bool {
		_, err := w.bus.RequestCredentials(t.Context(), bus.CredentialsQuery{User: "ann"}, bustest.Patience)
		return errors.Is(err, bus.ErrNoWorker)
	})
	exchange(t, a, b, "still there")
	exchange(t, b, a, "me too")
	select {
	case <-r.done:
		t.Fatal("the worker ended with allocations")
	default:
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.done:
	case <-time.After(bustest.Patience):
		t.Error("the worker did not end with its last allocation")
	}
}

// What is left when draining is over ends, and another worker on the same ports
// serves the same clients.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	c := r.raw("udp")
	c.allocate()
	stream := r.raw("tcp")
	stream.allocate()
	r.stop()
	if stream.send(stream.request(stun.MethodRefresh).Raw, stun.NewTransactionID()) != nil {
		t.Error("a connection lives on")
	}
	port := r.Port()
	w.start(func(cfg *Config) { cfg.Listen = fmt.Sprintf("127.0.0.1:%d", port) })
	if code, _ := c.ask(c.request(stun.MethodRefresh)); code != stun.CodeStaleNonce {
		t.Errorf("a refresh at the new worker: %d", code)
	}
	c.allocate()
}

// Events tell of allocations, with what they relayed, by UDP and TCP.
func TestFacts(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		w := newWorld(t)
		r := w.start(path)
		opened, closed := bustest.Expect[bus.RelayOpened](t, w.bus), bustest.Expect[bus.RelayClosed](t, w.bus)
		for _, transport := range []string{"udp", "tls"} {
			a, left := r.allocate(transport)
			first := opened()
			b, right := r.allocate("dtls")
			if second := opened(); second.Transport != "dtls" {
				t.Errorf("%+v", second)
			}
			if first.User != testUser || first.Transport != transport || first.Protocol != "udp" || first.Family != 4 || first.OpenedAt == 0 {
				t.Errorf("%+v", first)
			}
			if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				exchange(t, a, b, "0123456789")
			}
			exchange(t, b, a, "01234")
			if got := text(t, r); !strings.Contains(got, `pse_turn_allocations{transport="`+transport+`"} 1`) {
				t.Errorf("metrics:\n%s", got)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			got := closed()
			if got.Relay != first.Relay || got.ClosedAt < got.OpenedAt || got.BytesToPeers != 100 || got.PacketsToPeers != 10 || got.BytesToClient != 5 || got.PacketsToClient != 1 {
				t.Errorf("%+v", got)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			closed()
		}
		if got := text(t, r); !strings.Contains(got, `pse_turn_relayed_bytes_total{to="peers"} 210`) || !strings.Contains(got, `pse_turn_allocated_total{transport="dtls"} 2`) {
			t.Errorf("metrics:\n%s", got)
		}
		r.stop()
		if got := text(t, r); !strings.Contains(got, `pse_turn_relayed_bytes_total{to="peers"} 210`) {
			t.Errorf("metrics when it stopped:\n%s", got)
		}
	})
}

// text is what the worker's metrics say.
func text(t *testing.T, r *running) string {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(r.Collectors()...)
	s := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(s, httptest.NewRequest("GET", "/", nil))
	return s.Body.String()
}
