package turn

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/bus/bustest"
)

// changeRequest asks for the answer from elsewhere.
func changeRequest(bits byte) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrChangeRequest, Value: []byte{0, 0, 0, bits}}
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return addrPort(c.LocalAddr()).Port()
}

// Clients find out about their NAT: there is a second address and a second port, both are
// told of, at each there is an answer, and it comes from where it was asked for. coturn's own
// client finds no NAT here; what it is told is how the box is called from outside.
func TestBehaviourOfNATs(t *testing.T) {
	t.Parallel()
	paths(t, func(t *testing.T, path func(*Config)) {
		port := freePort(t)
		r := newWorld(t).start(path, func(c *Config) { c.OtherAddress, c.UnauthorizedPerSecond = fmt.Sprintf("127.0.0.2:%d", port), 0 })
		first, second := uint16(r.Port()), port
		at := func(ip string, port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(ip), port) }
		for to, other := range map[netip.AddrPort]netip.AddrPort{
			at("127.0.0.1", first): at("127.0.0.2", second), at("127.0.0.2", first): at("127.0.0.1", second),
			at("127.0.0.1", second): at("127.0.0.2", first), at("127.0.0.2", second): at("127.0.0.1", first),
		} {
			for bits, from := range map[byte]netip.AddrPort{
				0: to, changeAddress: netip.AddrPortFrom(other.Addr(), to.Port()), changePort: netip.AddrPortFrom(to.Addr(), other.Port()), changeAddress | changePort: other,
			} {
				c, err := net.ListenPacket("udp4", ":0")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				q := stun.MustBuild(stun.TransactionID, stun.BindingRequest, changeRequest(bits))
				if bits == 0 {
					q = stun.MustBuild(stun.TransactionID, stun.BindingRequest)
				}
				if _, err := c.WriteTo(q.Raw, net.UDPAddrFromAddrPort(to)); err != nil {
					t.Fatal(err)
				}
				m := &stun.Message{Raw: make([]byte, 1500)}
				_ = c.SetReadDeadline(time.Now().Add(bustest.Patience))
				n, sender, err := c.ReadFrom(m.Raw)
				if m.Raw = m.Raw[:max(n, 0)]; err != nil || m.Decode() != nil || m.TransactionID != q.TransactionID {
					t.Fatalf("%s asked with %x: %v", to, bits, err)
				}
				var told stun.OtherAddress
				var origin stun.ResponseOrigin
				if told.GetFrom(m) != nil || origin.GetFrom(m) != nil || told.String() != other.String() || origin.String() != from.String() || addrPort(sender) != from {
					t.Errorf("%s asked with %x: from %s, which says it is %s, and there is %s", to, bits, sender, &origin, told)
				}
			}
		}
		for _, what := range []string{"-m", "-f"} {
			out, err := tool(t, "turnutils_natdiscovery", what, "-p", fmt.Sprint(first), "127.0.0.1")
			if err != nil || !strings.Contains(out, "Endpoint Independent") && !strings.Contains(out, "No NAT") {
				t.Errorf("turnutils_natdiscovery %s: %v\n%s", what, err, out)
			}
		}
		r.raw("udp").allocate() // the rest is as it was
	})
}

// Without a second address nobody is made to believe that there is one, and what there is not is refused.
func TestNoSecondAddress(t *testing.T) {
	r := newWorld(t).start()
	for _, transport := range []string{"udp", "tcp"} {
		c := r.raw(transport)
		for _, a := range []stun.Setter{changeRequest(changePort), stun.RawAttribute{Type: attrPadding, Value: make([]byte, 64)}, stun.RawAttribute{Type: attrResponsePort, Value: make([]byte, 4)}} {
			if code, m := c.ask(stun.MustBuild(stun.TransactionID, stun.BindingRequest, a, stun.Fingerprint)); code != stun.CodeUnknownAttribute || !m.Contains(stun.AttrUnknownAttributes) {
				t.Errorf("%s: %d, %s", transport, code, m)
			}
		}
		if code, m := c.ask(stun.MustBuild(stun.TransactionID, stun.BindingRequest)); code != 0 || m.Contains(stun.AttrOtherAddress) {
			t.Errorf("%s: %d, %s", transport, code, m)
		}
	}
	for _, bad := range []string{"127.0.0.2", "here:3479", "127.0.0.2:0", "0.0.0.0:3479"} {
		c := DefaultConfig()
		c.OtherAddress = bad
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "turn.other_address") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	w := newWorld(t)
	c := DefaultConfig()
	c.Listen, c.TLSListen, c.RelayIPs, c.OtherAddress = "127.0.0.1:0", "", []string{"127.0.0.1"}, "127.0.0.1:9"
	if _, err := New(c, w.bus, nil, bustest.Log(t)); err == nil || !strings.Contains(err.Error(), "turn.other_address") {
		t.Errorf("the same address: %v", err)
	}
}
