package relay

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/turn/v5"
)

// A channel, a permission and an allocation end by pion's timers: what they
// let through is refused from then on.
func TestExpiry(t *testing.T) {
	deleted := make(chan string, 100)
	w := newWorld(t, func(_ *Config, s *turn.ServerConfig) {
		s.ChannelBindTimeout, s.PermissionTimeout, s.AllocationLifetime = 300*time.Millisecond, 600*time.Millisecond, time.Second
		s.EventHandler = turn.EventHandler{
			OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, _, _ net.Addr, _ uint16) { deleted <- "channel" },
			OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, _ net.Addr, _ net.IP) {
				deleted <- "permission"
			},
			OnAllocationDeleted: func(_, _ net.Addr, _, _, _ string) { deleted <- "allocation" },
		}
	})
	c, p := w.raw("alice"), w.peer("udp4")
	c.bind(bound, p.LocalAddr())
	next := func(want string) {
		t.Helper()
		select {
		case got := <-deleted:
			if got != want {
				t.Fatalf("%s was deleted, not the %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("no %s was deleted", want)
		}
	}
	c.send(channelData(bound, []byte("by channel")))
	expect(t, p, "by channel", c.relay)
	next("channel")
	c.send(channelData(bound, []byte("lost")))
	c.send(sendIndication(netip.MustParseAddrPort(p.LocalAddr().String()), []byte("by permission")))
	expect(t, p, "by permission", c.relay)
	next("permission")
	c.send(sendIndication(netip.MustParseAddrPort(p.LocalAddr().String()), []byte("lost")))
	write(t, p, "lost", c.relay)
	until(t, "two are refused", func() bool { return w.plane.Stats().Drops.Refused == 2 })
	next("allocation")
	if s := w.plane.Stats(); s.Allocations != 0 || s.Drops.Unknown != 1 || s.ToPeers.Packets != 2 {
		t.Errorf("%+v", s)
	}
	u := <-w.ended
	if u.User != "alice" || u.Client.String() != c.LocalAddr().String() || u.ToPeers != (Traffic{2, 23}) || u.Dropped != 2 {
		t.Errorf("%+v", u)
	}
}

// A peer that is not there (ICMP port unreachable) is nothing to others, or to
// itself when it is back.
func TestGoesOnWhenAPeerIsGone(t *testing.T) {
	w := newWorld(t, nil)
	c, here, gone := w.raw("alice"), w.peer("udp4"), w.peer("udp4")
	at := gone.LocalAddr()
	_ = gone.Close()
	c.bind(bound, here.LocalAddr())
	c.bind(bound+1, at)
	for range 50 {
		c.send(channelData(bound+1, []byte("anybody?")))
		c.send(channelData(bound, []byte("hello")))
		expect(t, here, "hello", c.relay)
		write(t, here, "yes", c.relay)
		expect(t, c, string(channelData(bound, []byte("yes"))), nil)
	}
	back, err := net.ListenPacket("udp4", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	c.send(channelData(bound+1, []byte("welcome back")))
	expect(t, back, "welcome back", c.relay)
}

// A client whose socket is closed, as when a phone is gone, is nothing to others.
func TestGoesOnWhenAClientIsGone(t *testing.T) {
	w := newWorld(t, nil)
	gone, here, p := w.raw("alice"), w.raw("bob"), w.peer("udp4")
	gone.bind(bound, p.LocalAddr())
	here.bind(bound, p.LocalAddr())
	_ = gone.Close()
	for range 50 {
		write(t, p, "anybody?", gone.relay)
		write(t, p, "hello", here.relay)
		expect(t, here, string(channelData(bound, []byte("hello"))), nil)
	}
}

// One end of a call between two relays ends: the other's packets go nowhere,
// and the next allocation with the relay address does not get them either.
func TestFarSideEndsMidCall(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *turn.ServerConfig) {
		c.Ports.(*ports).max = c.Ports.(*ports).min + 1 // two ports: the second caller's is used again
	})
	a, b := w.raw("alice"), w.raw("bob")
	a.bind(bound, b.relay)
	b.bind(bound, a.relay)
	for range 10 {
		a.send(channelData(bound, []byte("hello")))
		expect(t, b, string(channelData(bound, []byte("hello"))), nil)
	}
	b.free()
	for range 10 {
		a.send(channelData(bound, []byte("hello?")))
	}
	until(t, "what alice says leaves", func() bool { return w.plane.Stats().ToPeers.Packets == 20 })
	stranger := w.raw("carol")
	if stranger.relay.String() != b.relay.String() {
		t.Fatalf("carol relays from %s, bob did from %s", stranger.relay, b.relay)
	}
	a.send(channelData(bound, []byte("is it you?")))
	until(t, "carol's relay refuses it", func() bool { return w.plane.Stats().Drops.Refused == 1 })
	stranger.bind(bound+5, a.relay)
	a.send(channelData(bound, []byte("still you?")))
	expect(t, stranger, string(channelData(bound+5, []byte("still you?"))), nil)
}

// A channel that ends while the other side still sends leaves its permission.
func TestRevoke(t *testing.T) {
	deleted := make(chan string, 10)
	w := newWorld(t, func(_ *Config, s *turn.ServerConfig) {
		s.EventHandler.OnAllocationDeleted = func(_, _ net.Addr, _, user, _ string) { deleted <- user }
	})
	c, p := w.raw("alice"), w.peer("udp4")
	c.bind(bound, p.LocalAddr())
	at := netip.MustParseAddrPort(c.relay.String())
	if u, ok := w.plane.Usage(at); !ok || u.User != "alice" {
		t.Errorf("%+v, %v", u, ok)
	}
	if !w.plane.End(at) || w.plane.End(at) {
		t.Error("it ends once")
	}
	if user := <-deleted; user != "alice" {
		t.Errorf("pion deleted %s's allocation", user)
	}
	c.send(channelData(bound, []byte("lost")))
	until(t, "the channel is unknown", func() bool { return w.plane.Stats().Drops.Unknown == 1 })
}

// Closing gives everything back: ports, sockets, and the facts of allocations.
func TestCloseReleasesAll(t *testing.T) {
	before := files(t)
	for _, server := range []bool{true, false} { // with pion closed before, and without
		w := newWorld(t, func(c *Config, _ *turn.ServerConfig) { c.Shards = 3 })
		var all []*client
		for range 20 {
			all = append(all, w.raw("alice"))
		}
		if server {
			_ = w.server.Close()
		}
		_ = w.plane.Close()
		_ = w.plane.Close()
		if s := w.plane.Stats(); s.Allocations != 0 {
			t.Errorf("%+v", s)
		}
		for range all {
			<-w.ended
		}
		for _, c := range all {
			_ = c.Close()
		}
		_ = w.server.Close()
	}
	defer func() {
		if t.Failed() {
			all, _ := os.ReadDir("/proc/self/fd")
			for _, f := range all {
				what, _ := os.Readlink("/proc/self/fd/" + f.Name())
				t.Log(f.Name(), what)
			}
		}
	}()
	until(t, "all files are closed", func() bool { return files(t) <= before+2 }) // Go's own poller
}

// files are those that this process has open.
func files(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
