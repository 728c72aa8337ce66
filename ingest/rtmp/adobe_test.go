package rtmp

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A challenge is good for its address and for a minute only.
func TestChallenge(t *testing.T) {
	a := newAdobeAuth()
	here, there := addr("192.0.2.1:1"), addr("192.0.2.2:1")
	at := time.Now()
	for _, c := range []struct {
		name   string
		opaque string
		fresh  bool
	}{
		{"ours", a.opaque(at, here), true},
		{"from another port", a.opaque(at, addr("192.0.2.1:2")), true},
		{"from another address", a.opaque(at, there), false},
		{"old", a.opaque(at.Add(-2*time.Minute), here), false},
		{"another server's", newAdobeAuth().opaque(at, here), false},
		{"nothing", "", false},
		{"junk", "zz.zz", false},
	} {
		if got := a.fresh(c.opaque, here); got != c.fresh {
			t.Errorf("%s: fresh is %v", c.name, got)
		}
	}
}

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
