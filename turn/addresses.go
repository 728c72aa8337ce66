package turn

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// addresses are where the relay relays from: at most one of each family, and
// what each of them is called from outside.
type addresses struct {
	v4, v6   netip.Addr // ours; invalid: none
	external map[netip.Addr]netip.Addr
	internal map[netip.Addr]netip.Addr // the same backwards
	min, max uint16
}

// newAddresses reads turn.relay_ips and turn.external_ips; ports are from min to max.
func newAddresses(relayIPs, externalIPs []string, minPort, maxPort int) (*addresses, error) {
	a := &addresses{external: map[netip.Addr]netip.Addr{}, internal: map[netip.Addr]netip.Addr{}, min: uint16(minPort), max: uint16(maxPort)}
	for _, text := range relayIPs {
		ip, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("turn.relay_ips has %q; write addresses of this machine", text)
		}
		mine := a.family(ip.Unmap())
		if mine.IsValid() {
			return nil, fmt.Errorf("turn.relay_ips has %s and %s; give one of each family", *mine, ip)
		}
		*mine = ip.Unmap()
	}
	if len(relayIPs) == 0 {
		a.v4, a.v6 = routed("udp4", "192.0.2.1:9"), routed("udp6", "[2001:db8::1]:9")
		if !a.v4.IsValid() && !a.v6.IsValid() { // no way to elsewhere: a home network without a router, say
			a.v4, a.v6 = first(own(), netip.Addr.Is4), first(own(), netip.Addr.Is6)
		}
		if !a.v4.IsValid() && !a.v6.IsValid() {
			a.v4 = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // a machine without a network
		}
	}
	for _, text := range externalIPs {
		if err := a.mapOut(text); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// mapOut reads "public" or "public/ours".
func (a *addresses) mapOut(text string) error {
	public, ours, both := strings.Cut(text, "/")
	out, err := netip.ParseAddr(public)
	bad := fmt.Errorf("turn.external_ips has %q; write the public address, or public/ours as 203.0.113.5/192.168.1.20", text)
	if err != nil {
		return bad
	}
	in := *a.family(out.Unmap())
	if both {
		if in, err = netip.ParseAddr(ours); err != nil {
			return bad
		}
		if in.Unmap() != *a.family(in.Unmap()) {
			return fmt.Errorf("turn.external_ips has %q, but %s is not relayed from; name it in turn.relay_ips", text, in)
		}
	}
	if !in.IsValid() {
		return fmt.Errorf("turn.external_ips has %q, but nothing of its family is relayed from; name an address of ours in turn.relay_ips", text)
	}
	a.external[in.Unmap()], a.internal[out.Unmap()] = out.Unmap(), in.Unmap()
	return nil
}

func (a *addresses) family(ip netip.Addr) *netip.Addr {
	if ip.Is4() {
		return &a.v4
	}
	return &a.v6
}

// ours is the address to relay from for a network like "udp4" or "tcp6".
func (a *addresses) ours(network string) (netip.Addr, error) {
	ip := a.v4
	if strings.HasSuffix(network, "6") {
		ip = a.v6
	}
	if !ip.IsValid() {
		return ip, errNoFamily
	}
	return ip, nil
}

// outward is what an address of ours is called from outside.
func (a *addresses) outward(ip netip.Addr) netip.Addr {
	if out, ok := a.external[ip]; ok {
		return out
	}
	return ip
}

// inward is the address of ours that is called so from outside, or ip itself:
// a packet to it need not go to the router and back.
func (a *addresses) inward(ip netip.Addr) netip.Addr {
	if in, ok := a.internal[ip]; ok {
		return in
	}
	return ip
}

// isRelay says whether an address is that of our relays, from inside or outside.
func (a *addresses) isRelay(ip netip.Addr) bool {
	_, out := a.internal[ip]
	return out || ip == a.v4 || ip == a.v6
}

func (a *addresses) inRange(port uint16) bool { return port >= a.min && port <= a.max }

// own are the addresses of this machine that others reach it by, and then those that
// only this machine does.
func own() (all []netip.Addr) {
	var alone []netip.Addr
	found, _ := net.InterfaceAddrs()
	for _, n := range found {
		p, err := netip.ParsePrefix(n.String())
		if err != nil || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if ip := p.Addr().Unmap(); ip.IsLoopback() {
			alone = append(alone, ip)
		} else {
			all = append(all, ip)
		}
	}
	return append(all, alone...)
}

// first is the first of some addresses that others reach this machine by; invalid: there is none.
func first(all []netip.Addr, family func(netip.Addr) bool) netip.Addr {
	for _, ip := range all {
		if family(ip) && !ip.IsLoopback() {
			return ip
		}
	}
	return netip.Addr{}
}

// routed is the address that packets to elsewhere carry; none is sent to find out.
func routed(network, elsewhere string) netip.Addr {
	c, err := net.Dial(network, elsewhere)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	at, _ := c.LocalAddr().(*net.UDPAddr)
	ip := at.AddrPort().Addr().Unmap()
	if ip.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	return ip
}
