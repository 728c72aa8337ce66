package turn

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

// How often the neighbourhood is looked at: addresses come and go with leases,
// renumbering and tunnels. A look that took long, as where there are very many
// routes, is repeated later.
const (
	lookEvery = 2 * time.Second
	lookShare = 50 // of the time, one part is for looking
)

// neighbourhood is this machine's own addresses, and the networks that it
// reaches without a router: what listens there is behind the router's firewall,
// also where addresses are public, as those of IPv6 are. It is safe for
// concurrent use.
type neighbourhood struct {
	look func() ([]netip.Prefix, error)
	now  atomic.Pointer[[]netip.Prefix]
}

// newNeighbourhood looks around.
func newNeighbourhood() (*neighbourhood, error) {
	n := &neighbourhood{look: networksHere}
	_, err := n.refresh()
	return n, err
}

// has says whether an address is of the neighbourhood.
func (n *neighbourhood) has(ip netip.Addr) bool {
	all := n.now.Load()
	return all != nil && narrowest(*all, ip) >= 0
}

// refresh looks around, and says whether anything is another.
func (n *neighbourhood) refresh() (changed bool, err error) {
	all, err := n.look()
	if err != nil {
		return false, err // what was known stays
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	all = slices.Compact(all)
	before := n.now.Swap(&all)
	return before == nil || !slices.Equal(*before, all), nil
}

// follow keeps it current until ctx ends, and calls changed after each change.
func (n *neighbourhood) follow(ctx context.Context, log *zap.Logger, changed func()) {
	for pause := lookEvery; sleep.For(ctx, pause); {
		began := time.Now()
		another, err := n.refresh()
		if err != nil {
			log.Warn("the networks of this machine cannot be read; those of before are kept from the relay's clients", zap.Error(err))
		}
		if another {
			changed()
		}
		pause = max(lookEvery, lookShare*time.Since(began))
	}
}

// networksHere are the own addresses and what is reached without a router.
func networksHere() ([]netip.Prefix, error) {
	all, err := routesHere()
	if err != nil {
		return nil, err
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		ip = ip.Unmap()
		all = append(all, netip.PrefixFrom(ip, ip.BitLen()))
		if ones, _ := n.Mask.Size(); !isWayOut(ip, ones) {
			all = append(all, netip.PrefixFrom(ip, ones).Masked())
		}
	}
	return all, nil
}
