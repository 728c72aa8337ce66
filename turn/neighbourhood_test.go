package turn

import (
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/pion/stun/v4"
)

// within runs the lines of a script in this network.
func within(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// A box with public addresses, as each has of IPv6 at home: nobody is relayed
// to what is next to it, by whatever the networks are known, and at once when
// addresses change. What is behind a router is relayed to, and what is allowed.
func TestNeighboursAreNoPeers(t *testing.T) {
	if !alone(t) {
		return
	}
	within(t, `
		ip link add home type veth peer name rest
		ip link set home up; ip link set rest up
		ip addr add 2a00:1234:5678:1::1/64 dev home nodad
		ip addr add 2a00:1234:5678:2::1/128 dev home nodad      # by DHCPv6: the advertised route tells of the /64
		ip route add 2a00:1234:5678:2::/64 dev home
		ip addr add 93.184.216.1/24 dev home
		ip route add 2a00:1234:5678:9::/64 via 2a00:1234:5678:1::99
		ip route add 198.100.0.0/16 via 93.184.216.99
		ip route add default via 93.184.216.99
		ip route add default via 2a00:1234:5678:1::99
		ip route add 128.0.0.0/1 dev home                       # a tunnel takes half the Internet`)
	r := newWorld(t).start(func(c *Config) {
		c.RelayIPs, c.AllowPeers = []string{"127.0.0.1", "::1"}, []string{"2a00:1234:5678:1::77"}
	})
	permission := func(c *raw, at string) stun.ErrorCode {
		code, _ := c.ask(c.request(stun.MethodCreatePermission, peerAt(at, 80)))
		return code
	}
	c := r.raw("udp")
	c.allocate()
	for at := range strings.FieldsSeq(`2a00:1234:5678:1::5 2a00:1234:5678:1::1 2a00:1234:5678:1::99 2a00:1234:5678:2::5 2a00:1234:5678:2::1
		93.184.216.1 93.184.216.99 93.184.216.255 ::ffff:93.184.216.7`) {
		if code := permission(c, at); code != stun.CodeForbidden {
			t.Errorf("the neighbour %s: %d", at, code)
		}
	}
	far := "2606:4700:1::5"
	for at := range strings.FieldsSeq("2a00:1234:5678:1::77 2a00:1234:5678:3::5 93.184.217.1 198.100.0.1 200.1.1.1 8.8.8.8 " + far) {
		asker := c
		if strings.Contains(at, ":") {
			asker = r.raw("udp")
			asker.greet()
			if code, _ := asker.ask(asker.request(stun.MethodAllocate, requestUDP(), family6())); code != 0 {
				t.Fatalf("IPv6 relay: %d", code)
			}
		}
		if code := permission(asker, at); code != 0 {
			t.Errorf("%s, which is no neighbour: %d", at, code)
		}
	}
	before, _ := r.server.table.count()

	within(t, "ip addr add 2606:4700:1::1/64 dev home nodad")
	bustest.Eventually(t, "who relays to what is a neighbour now is ended", func() bool {
		n, _ := r.server.table.count()
		return n == before-1
	})
	if code := permission(c, far); code != stun.CodeForbidden {
		t.Errorf("a new neighbour: %d", code)
	}
	within(t, "ip addr del 2606:4700:1::1/64 dev home")
	bustest.Eventually(t, "what is a neighbour no more is relayed to", func() bool { return r.server.peers.permitted(netip.MustParseAddr(far)) })
}

// While the networks cannot be read those of before hold.
func TestNeighbourhoodThatCannotBeRead(t *testing.T) {
	home, trouble := netip.MustParsePrefix("2a00:1::/64"), error(nil)
	n := &neighbourhood{look: func() ([]netip.Prefix, error) { return []netip.Prefix{home, home}, trouble }}
	if changed, err := n.refresh(); !changed || err != nil {
		t.Fatal(changed, err)
	}
	trouble, home = errors.New("no netlink"), netip.Prefix{}
	if changed, err := n.refresh(); changed || err == nil || !n.has(netip.MustParseAddr("2a00:1::5")) || n.has(netip.MustParseAddr("2a00:2::5")) {
		t.Errorf("%v, %v", changed, err)
	}
}
