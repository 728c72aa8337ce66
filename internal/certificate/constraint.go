package certificate

import (
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Which names a root can vouch for is in it (name constraints, RFC 5280
// 4.2.1.10): a stolen key vouches for no site outside. The names of
// private networks are in every root, so that most new names of a box need no
// new root.

// privateNames are the domains that exist in private networks only, each with
// all below it (RFC 6761, 6762, 8375; "internal" is ICANN's resolution
// 2024.07.29.06).
var privateNames = []string{"localhost", "local", "home.arpa", "internal"}

// privateRanges are the addresses that no public site has: loopback, RFC 1918,
// shared (RFC 6598; overlay networks use it), link-local and unique local.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// IsPrivate reports a name or an address that exists in private networks only.
func IsPrivate(name string) bool {
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return within(privateNames, strings.ToLower(name))
	}
	return isPrivateAddress(ip)
}

// isPrivateAddress reports an address that no public site has.
func isPrivateAddress(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// constrain writes into the template of a root what it may vouch for: private
// names and addresses, and what the box is called now. A global IPv6 address
// stands for its /64, in which boxes change theirs by themselves.
func constrain(root *x509.Certificate, names Names) {
	dns, ranges := slices.Clone(privateNames), slices.Clone(privateRanges)
	for _, name := range names.DNS {
		name = strings.TrimPrefix(name, "*.")
		if !within(dns, name) && !isPublicSuffix(name) {
			dns = append(dns, name)
		}
	}
	for _, ip := range names.IPs {
		a, ok := netip.AddrFromSlice(ip)
		if a = a.Unmap(); !ok || slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) }) {
			continue
		}
		bits := 64
		if a.Is4() {
			bits = 32
		}
		ranges = append(ranges, netip.PrefixFrom(a, bits).Masked())
	}
	root.PermittedDNSDomainsCritical, root.PermittedDNSDomains = true, dns
	for _, p := range ranges {
		root.PermittedIPRanges = append(root.PermittedIPRanges, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
	}
}

// isPublicSuffix reports a name under which anybody may register one: a host that
// is called "dev" must not vouch for all of .dev.
func isPublicSuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	return suffix == name && (icann || strings.Contains(name, "."))
}

// within reports a name that is one of the domains or below one.
func within(domains []string, name string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) })
}

// constrained reports a root that cannot vouch for everything.
func constrained(root *x509.Certificate) bool {
	return len(root.PermittedDNSDomains) > 0 || len(root.PermittedIPRanges) > 0
}

// permitted parts names by what a root may vouch for: one name too many, and
// browsers refuse the whole certificate.
func permitted(root *x509.Certificate, names Names) (in, out Names) {
	if !constrained(root) {
		return names, Names{}
	}
	for _, name := range names.DNS {
		to := &out
		if within(root.PermittedDNSDomains, strings.TrimPrefix(name, "*.")) {
			to = &in
		}
		to.DNS = append(to.DNS, name)
	}
	for _, ip := range names.IPs {
		to := &out
		if slices.ContainsFunc(root.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) }) {
			to = &in
		}
		to.IPs = append(to.IPs, ip)
	}
	return in, out
}
