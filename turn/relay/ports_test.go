package relay

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/pion/turn/v5"
)

// ports is a range on the loopback. Where outer is set, relays look as if they
// were there, as behind a NAT that maps addresses one to one.
type ports struct {
	min, max uint16
	outer    netip.Addr

	mu   sync.Mutex
	used map[netip.AddrPort]bool
}

func newPorts(tb testing.TB) *ports {
	p := &ports{min: 40000, max: 49999, used: map[netip.AddrPort]bool{}}
	tb.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.used) > 0 {
			tb.Errorf("%d relay ports were not given back", len(p.used))
		}
	})
	return p
}

var errNone = errors.New("no free port")

func (p *ports) Take(conf turn.AllocateListenerConfig, bind func(netip.AddrPort) error) (local, public netip.AddrPort, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ip := netip.MustParseAddr("127.0.0.1")
	if strings.HasSuffix(conf.Network, "6") {
		ip = netip.IPv6Loopback()
	}
	for port := p.min; port <= p.max; port++ {
		local = netip.AddrPortFrom(ip, port)
		if !p.used[local] && bind(local) == nil {
			p.used[local] = true
			return local, p.Public(local), nil
		}
	}
	return local, public, errNone
}

func (p *ports) Free(local netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, local)
}

func (p *ports) Local(public netip.AddrPort) netip.AddrPort {
	if p.outer.IsValid() && public.Addr() == p.outer {
		return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), public.Port())
	}
	return public
}

func (p *ports) Public(local netip.AddrPort) netip.AddrPort {
	if p.outer.IsValid() && local.Addr().Is4() && local.Port() >= p.min && local.Port() <= p.max {
		return netip.AddrPortFrom(p.outer, local.Port())
	}
	return local
}
