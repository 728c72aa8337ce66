package relay

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

const (
	realm    = "pse.test"
	password = "secret"
	patience = 30 * time.Second // of a test that waits for something that comes
)

// A world is a TURN server on the plane, and what it told.
type world struct {
	tb     testing.TB
	plane  *Plane
	server *turn.Server
	ports  *ports
	ended  chan Usage
}

// newWorld starts one on both loopbacks. set may change what it is started with.
func newWorld(tb testing.TB, set func(*Config, *turn.ServerConfig)) *world {
	tb.Helper()
	w := &world{tb: tb, ports: newPorts(tb), ended: make(chan Usage, 1000)}
	cfg := DefaultConfig()
	cfg.Listen = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::1]:0")}
	cfg.Shards, cfg.Ports = 1, w.ports
	cfg.Ended = func(u Usage) { w.ended <- u }
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	server := turn.ServerConfig{
		Realm: realm, LoggerFactory: quiet,
		AuthHandler: func(a *turn.RequestAttributes) (string, []byte, bool) {
			return a.Username, turn.GenerateAuthKey(a.Username, realm, password), true
		},
	}
	if set != nil {
		set(&cfg, &server)
	}
	var err error
	if w.plane, err = New(cfg); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.plane.Close() })
	server.PacketConnConfigs = w.plane.PacketConns(nil)
	server.EventHandler = w.plane.Events(server.EventHandler)
	if w.server, err = turn.NewServer(server); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = w.server.Close() })
	return w
}

// A caller is pion's own client with an allocation.
type caller struct {
	*turn.Client
	conn  net.PacketConn // to the server
	relay net.PacketConn
}

// call allocates a relay for a user, over IPv4, or IPv6 where family is "udp6".
func (w *world) call(user, family string) *caller {
	w.tb.Helper()
	addrs := w.plane.Addrs()
	server, local := addrs[0], "127.0.0.1:0"
	if family == "udp6" {
		server, local = addrs[1], "[::1]:0"
	}
	conn, err := net.ListenPacket(family, local)
	if err != nil {
		w.tb.Fatal(err)
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: server.String(), TURNServerAddr: server.String(), Conn: conn,
		Username: user, Password: password, Realm: realm,
	})
	if err == nil {
		err = c.Listen()
	}
	if err != nil {
		w.tb.Fatal(err)
	}
	relay, err := c.Allocate()
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = relay.Close(); c.Close(); _ = conn.Close() })
	return &caller{c, conn, relay}
}

// peer opens a plain socket.
func (w *world) peer(family string) net.PacketConn {
	w.tb.Helper()
	local := "127.0.0.1:0"
	if family == "udp6" {
		local = "[::1]:0"
	}
	c, err := net.ListenPacket(family, local)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// expect reads one packet that must be this, from there.
func expect(tb testing.TB, c net.PacketConn, want string, from net.Addr) {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 2000)
	n, addr, err := c.ReadFrom(b)
	if err != nil {
		tb.Fatalf("wait for %q: %v", want, err)
	}
	if string(b[:n]) != want || from != nil && addr.String() != from.String() {
		tb.Fatalf("got %q from %s, want %q from %s", b[:n], addr, want, from)
	}
}

// until waits for something that must become true.
func until(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			tb.Fatal("in vain: " + what)
		case <-tick.C:
		}
	}
}

func write(tb testing.TB, c net.PacketConn, b string, to net.Addr) {
	tb.Helper()
	if _, err := c.WriteTo([]byte(b), to); err != nil {
		tb.Fatal(fmt.Errorf("write %q to %s: %w", b, to, err))
	}
}
