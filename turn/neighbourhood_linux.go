package turn

import (
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// routesHere are the networks of the routing tables that are reached without a
// router. Addresses do not tell of all: that of a host may be a /128 while a
// router's advertisement says that the /64 is on the link (RFC 4861 6.3.4).
func routesHere() ([]netip.Prefix, error) {
	rib, err := syscall.NetlinkRIB(unix.RTM_GETROUTE, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("read the routes: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return nil, fmt.Errorf("read the routes: %w", err)
	}
	var all []netip.Prefix
	for i := range messages {
		if p, ok := onLink(&messages[i]); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

// onLink is the network of a route without a router. The message is the
// kernel's struct rtmsg: family, length of the destination, length of the
// source, TOS, table, protocol, scope, type; then attributes.
func onLink(m *syscall.NetlinkMessage) (p netip.Prefix, ok bool) {
	if m.Header.Type != unix.RTM_NEWROUTE || len(m.Data) < unix.SizeofRtMsg {
		return p, false
	}
	bits, kind := int(m.Data[1]), m.Data[7]
	if kind != unix.RTN_UNICAST {
		return p, false
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return p, false
	}
	var to netip.Addr
	for _, a := range attributes {
		switch a.Attr.Type {
		case unix.RTA_DST:
			to, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_GATEWAY, unix.RTA_VIA, unix.RTA_MULTIPATH:
			return p, false
		}
	}
	if !to.IsValid() || isWayOut(to, bits) { // without a destination it is the default route
		return p, false
	}
	p, err = to.Prefix(bits)
	return p, err == nil
}
