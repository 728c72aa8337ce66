package turn

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	pion "github.com/pion/turn/v5"
)

// ports own the relay's range of UDP or of TCP: they give addresses to relay
// from, and know how those look from outside. Ports are taken at random (RFC
// 6056), and all of them before one is refused. A user gets one within the
// quota. They are safe for concurrent use.
type ports struct {
	addresses *addresses
	quota     *quota
	draining  func() bool
	random    func(n int) int // below n

	mu    sync.Mutex // guards what follows; a port is in free or in users, never in both or none
	free  map[netip.Addr][]uint16
	users map[netip.AddrPort]string // of what is taken
	freed chan struct{}             // closed when one is given back, and made anew
}

// probeTime is how long a port that pion only tried may take to be
// free again: to find an even one it opens and closes it, and then asks for it
// (RFC 8656 7.2).
const probeTime = 200 * time.Millisecond

func newPorts(a *addresses, q *quota, draining func() bool) *ports {
	return &ports{addresses: a, quota: q, draining: draining, random: rand.IntN, free: map[netip.Addr][]uint16{}, users: map[netip.AddrPort]string{}, freed: make(chan struct{})}
}

// Take takes an address for an allocation and has it bound. One that another
// program has bound is passed over.
func (p *ports) Take(c pion.AllocateListenerConfig, bind func(local netip.AddrPort) error) (local, public netip.AddrPort, err error) {
	if p.draining() {
		return local, public, errDraining
	}
	ip, err := p.addresses.ours(c.Network)
	if err != nil {
		return local, public, err
	}
	if err := p.quota.take(c.UserID); err != nil {
		return local, public, err
	}
	if c.RequestedPort != 0 {
		p.probed(netip.AddrPortFrom(ip, uint16(c.RequestedPort)))
	}
	var busy []netip.AddrPort
	defer func() {
		for _, at := range busy {
			p.release(at)
		}
	}()
	for {
		local, ok := p.pick(ip, uint16(c.RequestedPort), c.UserID)
		if !ok {
			p.quota.give(c.UserID)
			return local, public, fmt.Errorf("relay from %s: %w", ip, errNoPort)
		}
		if bind(local) == nil {
			return local, p.Public(local), nil
		}
		busy = append(busy, local)
	}
}

// Free gives an address back, and the place in the quota with it.
func (p *ports) Free(local netip.AddrPort) {
	if user, taken := p.release(local); taken {
		p.quota.give(user)
	}
}

// probed waits until a port that pion only tried is free.
func (p *ports) probed(local netip.AddrPort) {
	over := time.NewTimer(probeTime)
	defer over.Stop()
	for {
		p.mu.Lock()
		user, taken := p.users[local]
		freed := p.freed
		p.mu.Unlock()
		if !taken || user != "" {
			return
		}
		select {
		case <-freed:
		case <-over.C:
			return
		}
	}
}

// Local is the address of ours that is called so from outside: a packet to it
// need not go to the router and back. Others are returned as they are.
func (p *ports) Local(public netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(p.addresses.inward(public.Addr()), public.Port())
}

// Public is what an address of our range is called from outside.
func (p *ports) Public(local netip.AddrPort) netip.AddrPort {
	if !p.addresses.inRange(local.Port()) {
		return local
	}
	return netip.AddrPortFrom(p.addresses.outward(local.Addr()), local.Port())
}

// pick takes a port that is free for a user: want, or any if that is 0.
func (p *ports) pick(ip netip.Addr, want uint16, user string) (local netip.AddrPort, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	free, known := p.free[ip]
	if !known {
		for port := int(p.addresses.min); port <= int(p.addresses.max); port++ {
			free = append(free, uint16(port))
		}
		p.free[ip] = free
	}
	i := -1
	switch {
	case want != 0:
		i = slices.Index(free, want)
	case len(free) > 0:
		i = p.random(len(free))
	}
	if i < 0 {
		return local, false
	}
	port, last := free[i], len(free)-1
	free[i] = free[last]
	p.free[ip] = free[:last]
	local = netip.AddrPortFrom(ip, port)
	p.users[local] = user
	return local, true
}

// release makes a port free again at once, and says which user had it. false: it was not taken.
func (p *ports) release(local netip.AddrPort) (user string, taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	user, taken = p.users[local]
	if !taken {
		return "", false
	}
	delete(p.users, local)
	p.free[local.Addr()] = append(p.free[local.Addr()], local.Port())
	close(p.freed)
	p.freed = make(chan struct{})
	return user, true
}
