package turn

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"

	pion "github.com/pion/turn/v5"
)

// ports own the relay's range of UDP or of TCP: they give addresses to relay
// from, and know how those look from outside. Ports are taken at random (RFC
// 6056), and all of them before one is refused. A user gets one within the
// quota. One that is reserved is nobody's until its token comes. They are safe for concurrent use.
type ports struct {
	addresses    *addresses
	quota        *quota
	reservations *reservations
	draining     func() bool
	random       func(n int) int // below n

	mu    sync.Mutex // guards what follows; a port is in free or in users, never in both or none
	free  map[netip.Addr][]uint16
	users map[netip.AddrPort]string // of what is taken
}

func newPorts(a *addresses, q *quota, r *reservations, draining func() bool) *ports {
	return &ports{addresses: a, quota: q, reservations: r, draining: draining, random: rand.IntN, free: map[netip.Addr][]uint16{}, users: map[netip.AddrPort]string{}}
}

// reservedUser is who has a port that is reserved: no user is called so.
const reservedUser = "\x00"

// Take takes an address for an allocation, as it is wished for, and has it bound. One that another
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
	w := wishOf(c.Realm)
	var busy []netip.AddrPort
	defer func() {
		for _, at := range busy {
			p.release(at)
		}
	}()
	for {
		local, ok := p.pick(ip, w, c.UserID)
		if !ok {
			p.quota.give(c.UserID)
			return local, public, fmt.Errorf("relay from %s: %w", ip, errNoPort)
		}
		after := netip.AddrPortFrom(local.Addr(), local.Port()+1)
		if bind(local) == nil {
			if w.next != "" {
				p.reservations.keep(w.next, after, func() { p.release(after) })
			}
			return local, p.Public(local), nil
		}
		busy = append(busy, local)
		if w.next != "" {
			busy = append(busy, after)
		}
	}
}

// Free gives an address back, and the place in the quota with it.
func (p *ports) Free(local netip.AddrPort) {
	if user, taken := p.release(local); taken {
		p.quota.give(user)
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

// pick takes a port for a user: that of a reservation, or one that is free, with the next one for
// who wishes to reserve it.
func (p *ports) pick(ip netip.Addr, w wish, user string) (local netip.AddrPort, ok bool) {
	if w.kept != "" {
		return p.redeem(ip, w.kept, user)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	free, known := p.free[ip]
	if !known {
		for port := int(p.addresses.min); port <= int(p.addresses.max); port++ {
			free = append(free, uint16(port))
		}
		p.free[ip] = free
	}
	if len(free) == 0 {
		return local, false
	}
	i := p.random(len(free))
	if w.even {
		if i, ok = p.pair(free, free[i], w.next != ""); !ok {
			return local, false
		}
	}
	local = p.occupy(ip, i, user)
	if w.next != "" {
		p.occupy(ip, slices.Index(p.free[ip], local.Port()+1), reservedUser)
	}
	return local, true
}

// pair is which free port is even, the first from one on and then from the beginning; with
// next, that after it is free too. It is called with the lock held.
func (p *ports) pair(free []uint16, from uint16, next bool) (i int, ok bool) {
	where := make(map[uint16]int, len(free))
	for i, f := range free {
		where[f] = i
	}
	n := int(p.addresses.max) - int(p.addresses.min) + 1
	for k := range n {
		port := uint16((int(from)-int(p.addresses.min)+k)%n) + p.addresses.min
		i, ok := where[port]
		_, after := where[port+1]
		if port%2 == 0 && ok && (!next || after) {
			return i, true
		}
	}
	return 0, false
}

// occupy gives a user one of the free ports. It is called with the lock held.
func (p *ports) occupy(ip netip.Addr, i int, user string) netip.AddrPort {
	free := p.free[ip]
	port, last := free[i], len(free)-1
	free[i] = free[last]
	p.free[ip] = free[:last]
	local := netip.AddrPortFrom(ip, port)
	p.users[local] = user
	return local
}

// redeem gives a user the port of a reservation.
func (p *ports) redeem(ip netip.Addr, token, user string) (local netip.AddrPort, ok bool) {
	if local, ok = p.reservations.at(token); !ok || local.Addr() != ip {
		return local, false
	}
	if local, ok = p.reservations.take(token); ok {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.users[local] = user
	}
	return local, ok
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
	return user, true
}
