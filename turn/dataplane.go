package turn

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/helios-h2020/pse/turn/relay"
	pion "github.com/pion/turn/v5"
)

// dataPlane is the data plane with what its allocations carried. The zero value is
// none: then pion relays. It is safe for concurrent use.
type dataPlane struct {
	*relay.Plane

	mu    sync.RWMutex // held to write while it is closed, which what asks the shards must not outlive
	last  relay.Stats
	usage map[netip.AddrPort]relay.Usage // guarded by mu; of those that ended, until pion tells of it
}

// newDataPlane opens the data plane's sockets at these addresses; nil, and no
// error: this system has none.
func newDataPlane(cfg Config, listen []netip.AddrPort, p *ports, reachable func(netip.AddrPort) bool, limiter func(string, net.Addr) *relay.RateLimiter, tcp pion.RelayAddressGenerator) (*dataPlane, error) {
	f := &dataPlane{usage: map[netip.AddrPort]relay.Usage{}}
	c := relay.DefaultConfig()
	c.Listen, c.Shards, c.Coalesce = listen, cfg.Shards, cfg.Coalesce
	c.Ports, c.Reachable, c.Limiter, c.TCP, c.Ended = p, reachable, limiter, tcp, f.ended
	var err error
	switch f.Plane, err = relay.New(c); {
	case errors.Is(err, relay.ErrUnsupported):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return f, nil
}

// ended keeps what an allocation carried.
func (f *dataPlane) ended(u relay.Usage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.usage[u.Relay] = u
}

// carried gives what an allocation that ended has carried, once.
func (f *dataPlane) carried(at relayAddress) (u relay.Usage, ok bool) {
	if f == nil || at.network != "udp" {
		return u, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok = f.usage[at.at]
	delete(f.usage, at.at)
	return u, ok
}

// usages are what the allocations that live have carried.
func (f *dataPlane) usages() map[relayAddress]relay.Usage {
	all := map[relayAddress]relay.Usage{}
	if f == nil {
		return all
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.Plane == nil {
		return all
	}
	for _, u := range f.Usages() {
		all[relayAddress{"udp", u.Relay}] = u
	}
	return all
}

// end ends an allocation, if it is one of these.
func (f *dataPlane) end(at relayAddress) bool {
	return f != nil && at.network == "udp" && f.End(at.at)
}

// stats are the counts since the data plane was made, also when it is closed.
func (f *dataPlane) stats() relay.Stats {
	if f == nil {
		return relay.Stats{}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.Plane == nil {
		return f.last
	}
	return f.Stats()
}

// stop ends all allocations and the loops. pion's server is closed before.
func (f *dataPlane) stop() {
	if f == nil {
		return
	}
	last := f.stats()
	f.mu.Lock()
	open := f.Plane
	f.Plane, f.last = nil, last
	f.mu.Unlock()
	if open != nil {
		_ = open.Close()
	}
}
