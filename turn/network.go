package turn

import "net/netip"

// What is shorter than this is no network of neighbours, but a way out: half
// the Internet by a tunnel, say.
const (
	widest4 = 8
	widest6 = 32
)

// isWayOut says whether a network of so many bits is too wide for neighbours.
func isWayOut(ip netip.Addr, bits int) bool {
	if ip.Is4() {
		return bits < widest4
	}
	return bits < widest6
}

// narrowest is the length of the narrowest network that has an address in it,
// or -1: of what is allowed and what is denied, the narrower counts.
func narrowest(all []netip.Prefix, ip netip.Addr) int {
	bits := -1
	for _, p := range all {
		if p.Contains(ip) {
			bits = max(bits, p.Bits())
		}
	}
	return bits
}
