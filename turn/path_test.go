package turn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/turn/probe"
	"github.com/pion/dtls/v3"
)

// paths runs a test on the data plane and on pion's own path.
func paths(t *testing.T, test func(t *testing.T, path func(*Config))) {
	for name, plain := range map[string]bool{"data plane": false, "pion's own path": true} {
		t.Run(name, func(t *testing.T) { test(t, func(c *Config) { c.Plain = plain }) })
	}
}

// Relays that are called otherwise from outside meet each other under those
// addresses, and that without a router that would bring the packets back.
func TestRelaysMeetByTheirExternalAddress(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.ExternalIPs = []string{"203.0.113.7/127.0.0.1"} })
		for _, transport := range []string{"udp", "tls"} {
			a, left := r.allocate(transport)
			b, right := r.allocate("udp")
			if !strings.HasPrefix(a.LocalAddr().String(), "203.0.113.7:") {
				t.Fatalf("relays from %s", a.LocalAddr())
			}
			if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
				t.Fatal(err)
			}
			for range 30 {
				exchange(t, a, b, "there")
				exchange(t, b, a, "and back")
			}
		}
	})
}

// What listens at our own address beside the relays' ports gets nothing, though
// there is a permission for that address.
func TestOwnServicesAreNotReached(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.MinPort, c.MaxPort = 50000, 50050 })
		service, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer service.Close()
		for _, transport := range []string{"udp", "dtls"} {
			a, left := r.allocate(transport)
			b, right := r.allocate("udp")
			if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				_, _ = a.WriteTo([]byte("let me in"), service.LocalAddr()) // the channel it asks for is refused
				exchange(t, a, b, "what comes after it arrives")
			}
		}
		_ = service.SetReadDeadline(time.Now())
		if n, _, err := service.ReadFrom(make([]byte, 100)); err == nil {
			t.Errorf("%d bytes reached a service of ours", n)
		}
	})
}

// An allocation relays no more bits a second than it may.
func TestBitsPerSecond(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.AllocationBPS = 100_000 })
		a, left := r.allocate("udp")
		b, right := r.allocate("udp")
		if err := errors.Join(left.CreatePermission(b.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 500 {
			if _, err := a.WriteTo(make([]byte, 1000), b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		got := 0
		for {
			_ = b.SetReadDeadline(time.Now().Add(bustest.Patience / 60))
			n, _, err := b.ReadFrom(make([]byte, 1500))
			if err != nil {
				break
			}
			got += n
		}
		// Half a second's at once, and what it earns meanwhile.
		if most := 100_000/8/2 + int(time.Since(began).Seconds()*100_000/8) + 1000; got == 0 || got > most {
			t.Errorf("%d bytes arrive of 500,000, at most %d may", got, most)
		}
	})
}

// A worker that listens on all addresses answers at each of them, from it.
func TestEveryAddress(t *testing.T) {
	paths(t, func(t *testing.T, path func(*Config)) {
		r := newWorld(t).start(path, func(c *Config) { c.Listen, c.TLSListen = ":0", ":0" })
		seen := map[bool]bool{}
		for _, at := range r.sockets.clear {
			if at.Addr().IsUnspecified() {
				continue
			}
			seen[at.Addr().Is4()] = true
			for transport, port := range map[string]int{"udp": r.Port(), "tcp": r.Port(), "tls": r.TLSPort(), "dtls": r.TLSPort()} {
				host := net.JoinHostPort(at.Addr().String(), fmt.Sprint(port))
				if _, last := runProbe(t, probe.Probe{Insecure: true}, transport, host); last.Err != nil {
					t.Errorf("%s at %s: %+v", transport, host, last)
				}
			}
		}
		if !seen[true] {
			t.Error("no address of IPv4 is listened on")
		}
	})
}

// A certificate that changes is the new one for later connections.
func TestCertificateChanges(t *testing.T) {
	w := newWorld(t)
	first, second := certificatetest.Config(t), certificatetest.Config(t)
	var now atomic.Pointer[tls.Config]
	now.Store(first)
	w.secure = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if c := now.Load(); c.GetCertificate != nil {
			return c.GetCertificate(h)
		}
		return &now.Load().Certificates[0], nil
	}}
	r := w.start()
	shown := func() (overTLS, overDTLS string) {
		c, err := tls.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", r.TLSPort()), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		d := r.dial("dtls").(interface{ Conn() net.Conn }).Conn().(*dtls.Conn)
		if err := d.Handshake(); err != nil {
			t.Fatal(err)
		}
		state, _ := d.ConnectionState()
		return string(c.ConnectionState().PeerCertificates[0].Raw), string(state.PeerCertificates[0])
	}
	before, before2 := shown()
	now.Store(second)
	after, after2 := shown()
	if before == after || before != before2 || after != after2 {
		t.Error("another certificate is shown than there is")
	}
}
