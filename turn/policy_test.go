package turn

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v4"
)

// forbidden is an address of each network that nobody is relayed to, in each
// form that it can be written in.
const forbidden = `
	0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1 127.255.0.1
	169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
	198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
	:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:192.168.1.1
	64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1 3fff::1 5f00::1
	fc00::1 fd00:ec2::254 fdff::1 fe80::1 fec0::1 ff02::1 ff0e::1`

// public is what one may relay to.
const public = "8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 193.0.0.1 223.255.255.255 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8"

func testPeers(t *testing.T, change ...func(*Config)) *peers {
	t.Helper()
	cfg := DefaultConfig()
	cfg.RelayIPs, cfg.ExternalIPs, cfg.MinPort, cfg.MaxPort = []string{"10.9.9.9", "fd99::9"}, []string{"198.51.100.77/10.9.9.9"}, 50000, 50100
	for _, c := range change {
		c(&cfg)
	}
	a, err := newAddresses(cfg.RelayIPs, cfg.ExternalIPs, cfg.MinPort, cfg.MaxPort)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPeers(cfg.AllowPeers, cfg.DenyPeers, a, &neighbourhood{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhereTheRelayGoes(t *testing.T) {
	p := testPeers(t)
	for text := range strings.FieldsSeq(forbidden) {
		if p.permitted(netip.MustParseAddr(text)) {
			t.Errorf("%s is relayed to", text)
		}
	}
	for text := range strings.FieldsSeq(public) {
		if !p.permitted(netip.MustParseAddr(text)) {
			t.Errorf("%s is not relayed to", text)
		}
	}
	if p.permitted(netip.Addr{}) {
		t.Error("no address is relayed to")
	}
	// Our own relays meet each other, from inside and outside, and nothing else there.
	for _, own := range []string{"10.9.9.9", "198.51.100.77", "fd99::9", "::ffff:10.9.9.9"} {
		ip := netip.MustParseAddr(own)
		if !p.permitted(ip) || !p.reachable(netip.AddrPortFrom(ip, 50000)) || !p.reachable(netip.AddrPortFrom(ip, 50100)) {
			t.Errorf("our relay %s is not relayed to", own)
		}
		for _, port := range []uint16{0, 22, 4222, 49999, 50101} {
			if p.reachable(netip.AddrPortFrom(ip, port)) {
				t.Errorf("port %d of %s is relayed to", port, own)
			}
		}
	}
}

func TestPeersAsConfigured(t *testing.T) {
	p := testPeers(t, func(c *Config) {
		c.AllowPeers, c.DenyPeers = []string{"192.168.1.0/25", "fd00:1::/32", "127.0.0.1"}, []string{"8.8.0.0/16", "192.168.1.66", "192.168.1.0/24"}
	})
	for text, want := range map[string]bool{
		"192.168.1.5": true, "192.168.1.66": false, "192.168.2.5": false, "::ffff:192.168.1.5": true, "fd00:1::5": true, "fd00:2::5": false,
		"127.0.0.1": true, "127.0.0.2": false, "8.8.8.8": false, "8.9.8.8": true,
	} {
		if got := p.permitted(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, bad := range []string{"192.168.1.0/33", "home", "10.0.0.1-10.0.0.9"} {
		c := DefaultConfig()
		c.AllowPeers = []string{bad}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "turn.allow_peers") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// This machine's own addresses are not for the relay's clients, private or public.
func TestOwnAddressesAreNoPeers(t *testing.T) {
	p := testPeers(t)
	own := []netip.Prefix{netip.MustParsePrefix("8.8.8.8/32")} // as if it were ours
	p.neighbours.now.Store(&own)
	if p.permitted(netip.MustParseAddr("8.8.8.8")) || p.permitted(netip.MustParseAddr("::ffff:8.8.8.8")) || !p.permitted(netip.MustParseAddr("8.8.8.9")) {
		t.Error("our own public address is relayed to")
	}
}

// Every forbidden address is refused on the wire with 403, as a permission, a
// channel and a TCP connection, whatever way the client came.
func TestForbiddenPeersOnTheWire(t *testing.T) {
	r := newWorld(t).start(func(c *Config) { c.TCPRelay, c.RelayIPs = true, []string{"127.0.0.1", "::1"} })
	for _, transport := range []string{"udp", "tcp", "tls", "dtls"} {
		four, six, stream := r.raw(transport), r.raw(transport), r.raw(transport)
		four.allocate()
		six.greet()
		if code, _ := six.ask(six.request(stun.MethodAllocate, requestUDP(), family6())); code != 0 {
			t.Fatalf("IPv6 relay: %d", code)
		}
		stream.greet()
		if code, _ := stream.ask(stream.request(stun.MethodAllocate, requestTCP())); code != 0 {
			t.Fatalf("TCP relay: %d", code)
		}
		for text := range strings.FieldsSeq(forbidden) {
			ip := netip.MustParseAddr(text)
			if text == "127.0.0.1" || text == "::1" || text == "::ffff:127.0.0.1" { // our relays are there; at the range's ports
				for _, c := range []*raw{four, six} {
					if code, _ := c.ask(c.request(stun.MethodChannelBind, channel(0x4001), peerAt(text, 22))); code != stun.CodeForbidden {
						t.Errorf("%s: channel to port 22 of %s: %d", transport, text, code)
					}
				}
				if code, _ := stream.ask(stream.request(stun.MethodConnect, peerAt(text, 22))); code != stun.CodeForbidden {
					t.Errorf("%s: connection to port 22 of %s: %d", transport, text, code)
				}
				continue
			}
			c := four
			if ip.Is6() && !ip.Is4In6() {
				c = six
			}
			for what, m := range map[string]*stun.Message{
				"permission":       c.request(stun.MethodCreatePermission, peerAt(text, 80)),
				"second of two":    c.request(stun.MethodCreatePermission, peerAt(map[bool]string{true: "8.8.8.8", false: "2606:4700::1"}[c == four], 80), peerAt(text, 80)),
				"channel":          c.request(stun.MethodChannelBind, channel(0x4000), peerAt(text, 80)),
				"v6 written in v4": four.request(stun.MethodCreatePermission, peerAt(text, 80)),
			} {
				asker := c
				if what == "v6 written in v4" {
					asker = four
				}
				if code, _ := asker.ask(m); code != stun.CodeForbidden {
					t.Errorf("%s: %s to %s: %d", transport, what, text, code)
				}
			}
			if code, _ := stream.ask(stream.request(stun.MethodConnect, peerAt(text, 80))); code != stun.CodeForbidden {
				t.Errorf("%s: connection to %s: %d", transport, text, code)
			}
		}
	}
}
