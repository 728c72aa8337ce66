package turn

import (
	"fmt"
	"net/netip"
	"strings"
)

// special are the networks that are not of the public Internet, or that are
// another address in disguise (IANA's special-purpose registries, and what
// clouds keep metadata at). A relay that goes there is a way around firewalls.
func special() []netip.Prefix {
	var all []netip.Prefix
	for text := range strings.FieldsSeq(`
		0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
		192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
		::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16
		fc00::/7 fe80::/10 fec0::/10 ff00::/8`) {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// peers decides where the relay goes. It is safe for concurrent use.
type peers struct {
	allow, deny, special []netip.Prefix
	addresses            *addresses // of our relays: peers of each other, at the ports of the range
	neighbours           *neighbourhood
}

// newPeers reads turn.allow_peers and turn.deny_peers.
func newPeers(allow, deny []string, a *addresses, n *neighbourhood) (*peers, error) {
	p := &peers{special: special(), addresses: a, neighbours: n}
	var err error
	if p.allow, err = prefixes("turn.allow_peers", allow); err != nil {
		return nil, err
	}
	p.deny, err = prefixes("turn.deny_peers", deny)
	return p, err
}

// prefixes reads networks, or single addresses.
func prefixes(key string, texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if a, err2 := netip.ParseAddr(text); err2 == nil {
			p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s has %q; write networks as 192.168.0.0/16 or fd00::/8, or addresses", key, text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// permitted says whether a permission for an address may be given.
func (p *peers) permitted(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	switch {
	case !ip.IsValid():
		return false
	case p.addresses.isRelay(ip):
		return true // reachable decides by the port
	}
	allowed, denied := narrowest(p.allow, ip), narrowest(p.deny, ip)
	if allowed >= 0 || denied >= 0 {
		return allowed > denied
	}
	return narrowest(p.special, ip) < 0 && !p.neighbours.has(ip)
}

// reachable says whether a packet may go to a peer whose address has a
// permission: of our relays' addresses, the ports of the range alone.
func (p *peers) reachable(peer netip.AddrPort) bool {
	ip := peer.Addr().Unmap()
	if peer.Port() == 0 {
		return false
	}
	if !p.addresses.isRelay(ip) || p.addresses.inRange(peer.Port()) {
		return true
	}
	return narrowest(p.allow, ip) > narrowest(p.deny, ip)
}
