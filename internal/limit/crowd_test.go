package limit

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// All addresses of an IPv6 network get the places of one.
func TestOneNetworkIsOne(t *testing.T) {
	c := NewCrowd(100, 10)
	got := 0
	for i := range 200 {
		if _, err := c.Enter(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))); err == nil {
			got++
		} else if !errors.Is(err, ErrShare) {
			t.Fatal(err)
		}
	}
	if got != 10 {
		t.Errorf("one /64 got %d of 100 places, its share is 10", got)
	}
	for _, other := range []string{"2001:db8:0:1::1", "192.0.2.1"} {
		if _, err := c.Enter(netip.MustParseAddr(other)); err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
	if _, err := c.Enter(netip.MustParseAddr("::ffff:192.0.2.1")); err != nil || c.by[netip.MustParseAddr("192.0.2.1")] != 2 {
		t.Errorf("an address of IPv4 counts as it is written: %v", err)
	}
}

// What is remembered is bounded by what is held.
func TestCrowdForgets(t *testing.T) {
	c := NewCrowd(10, 0)
	ip := netip.MustParseAddr("10.0.0.0")
	for range 1000 {
		ip = ip.Next()
		leave, err := c.Enter(ip)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		leave() // twice does no harm
	}
	if len(c.by) != 0 || c.Len() != 0 {
		t.Errorf("%d addresses are remembered, %d places are taken", len(c.by), c.Len())
	}
	for range 10 {
		if _, err := c.Enter(ip); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Enter(ip.Next()); !errors.Is(err, ErrFull) {
		t.Errorf("the eleventh of ten: %v", err)
	}
}
