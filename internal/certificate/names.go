package certificate

import (
	"net"
	"os"
	"slices"
	"strings"
)

// Names are what a server is called by.
type Names struct {
	DNS []string
	IPs []net.IP
}

// Box is what this machine is called, and more names (or addresses) that it is
// known by: its host name, that name in the local network (mDNS), localhost,
// and the addresses of its interfaces.
func Box(more []string) Names {
	n := Names{DNS: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	if host, err := os.Hostname(); err == nil {
		n.add(host)
		if !strings.Contains(host, ".") {
			n.add(host + ".local")
		}
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && !p.IP.IsLinkLocalUnicast() {
			n.add(p.IP.String())
		}
	}
	for _, name := range more {
		n.add(name)
	}
	return n
}

// add adds a name or an address, once. What is neither is left out.
func (n *Names) add(name string) {
	if ip := net.ParseIP(name); ip != nil {
		if !slices.ContainsFunc(n.IPs, ip.Equal) {
			n.IPs = append(n.IPs, ip)
		}
		return
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if isDNS(name) && !slices.Contains(n.DNS, name) {
		n.DNS = append(n.DNS, name)
	}
}

// IsName reports a domain that may stand in a certificate, or *. before one.
func IsName(name string) bool {
	name = strings.ToLower(name)
	return isDNS(name) && strings.Contains(name, ".") && !strings.Contains(strings.TrimPrefix(name, "*."), "*")
}

// isDNS reports a name that may stand in a certificate (RFC 5280 4.2.1.6).
func isDNS(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" && label != "*" {
			return false
		}
	}
	return true
}

// first is the name for people.
func (n Names) first() string {
	if len(n.DNS) > 1 {
		return n.DNS[1]
	}
	return "PSE"
}

// String lists all of them, sorted: equal for equal names.
func (n Names) String() string {
	all := slices.Clone(n.DNS)
	for _, ip := range n.IPs {
		all = append(all, ip.String())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
