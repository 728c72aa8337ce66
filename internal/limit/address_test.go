package limit

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := PerMinute(60)
		a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		admitted := func(ip netip.Addr) (n int) {
			for l.Take(ip) {
				n++
			}
			return n
		}
		if n := admitted(a); n != 30 {
			t.Errorf("%d at once", n)
		}
		if l.Take(netip.MustParseAddr("::ffff:192.0.2.1")) || !l.Take(b) {
			t.Error("addresses are not told apart")
		}
		time.Sleep(10 * time.Second)
		if n := admitted(a); n != 10 {
			t.Errorf("%d after 10 s", n)
		}
		time.Sleep(20 * time.Second)
		l.Sweep(time.Now())
		if len(l.all) != 1 {
			t.Errorf("%d addresses are remembered, and one has not got all back", len(l.all))
		}
		for range 1000 {
			if !New(0, 0).Take(a) {
				t.Fatal("0 is no limit")
			}
		}
	})
}

// Who has a network of IPv6 has all its addresses.
func TestNetworksOfIPv6(t *testing.T) {
	l := New(1, 1)
	if !l.Take(netip.MustParseAddr("2001:db8::1")) || l.Take(netip.MustParseAddr("2001:db8::2")) || !l.Take(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("a /64 counts as one")
	}
}

// A flood with made-up senders takes bounded memory, and those who are known keep theirs.
func TestFlood(t *testing.T) {
	l := New(1, 2)
	friend := netip.MustParseAddr("198.51.100.1")
	l.Take(friend)
	ip := netip.MustParseAddr("10.0.0.0")
	for range 2 * known {
		ip = ip.Next()
		l.Take(ip)
	}
	if len(l.all) > known+1 {
		t.Errorf("%d addresses are remembered", len(l.all))
	}
	if !l.Take(friend) {
		t.Error("who was known before suffers")
	}
	if l.Sweep(time.Now().Add(time.Hour)); len(l.all) != 0 {
		t.Errorf("%d addresses are remembered after an hour", len(l.all))
	}
}
