package relay

import (
	"net"
	"slices"

	"github.com/pion/turn/v5"
)

// Events is what pion must be given so that shards know of allocations,
// permissions and channels. It then calls next. None of it waits for a loop,
// but for the end of an allocation.
func (p *Plane) Events(next turn.EventHandler) turn.EventHandler {
	all := next
	all.OnAllocationCreated = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, port int) {
		p.allocated(src, user, relay)
		if next.OnAllocationCreated != nil {
			next.OnAllocationCreated(src, dst, protocol, user, realm, relay, port)
		}
	}
	all.OnPermissionCreated = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, peer net.IP) {
		p.onHost(relay, peer, func(al *allocation, h host) {
			if !al.permitted(h) {
				al.permits = append(al.permits, h)
			}
		})
		if next.OnPermissionCreated != nil {
			next.OnPermissionCreated(src, dst, protocol, user, realm, relay, peer)
		}
	}
	all.OnPermissionDeleted = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, peer net.IP) {
		p.onHost(relay, peer, func(al *allocation, h host) {
			al.permits = slices.DeleteFunc(al.permits, func(o host) bool { return o == h })
		})
		if next.OnPermissionDeleted != nil {
			next.OnPermissionDeleted(src, dst, protocol, user, realm, relay, peer)
		}
	}
	all.OnChannelCreated = func(src, dst net.Addr, protocol, user, realm string, relay, peer net.Addr, number uint16) {
		p.bound(relay, peer, number)
		if next.OnChannelCreated != nil {
			next.OnChannelCreated(src, dst, protocol, user, realm, relay, peer, number)
		}
	}
	all.OnChannelDeleted = func(src, dst net.Addr, protocol, user, realm string, relay, peer net.Addr, number uint16) {
		p.unbound(relay, number)
		if next.OnChannelDeleted != nil {
			next.OnChannelDeleted(src, dst, protocol, user, realm, relay, peer, number)
		}
	}
	return all
}

// at finds the allocation that an event is about; nil: none of ours, as those of TCP.
func (p *Plane) at(relay net.Addr) *allocation {
	ap, ok := addrPortOf(relay)
	if !ok {
		return nil
	}
	return p.find(ap)
}

func (p *Plane) allocated(src net.Addr, user string, relay net.Addr) {
	al := p.at(relay)
	if al == nil {
		return
	}
	var gate *Gate
	if p.cfg.Gate != nil {
		gate = p.cfg.Gate(user, src)
	}
	al.mu.Lock()
	if al.closed {
		al.mu.Unlock()
		gate.Close()
		return
	}
	al.user, al.active, al.gate = user, true, gate
	if al.via != nil {
		al.source, _ = addrPortOf(src)
	}
	al.mu.Unlock()
	al.shard.post(func() {
		al.ration = newRation(gate)
		if al.via == nil || al.gone {
			return
		}
		al.answers.to, _ = sockaddrOf(src) // it came from a socket of ours
		al.client = al.answers.to.endpoint()
		al.via.clients[al.client] = al
	})
}

// onHost posts a change of permissions.
func (p *Plane) onHost(relay net.Addr, peer net.IP, f func(*allocation, host)) {
	al := p.at(relay)
	ap, ok := addrPortOf(&net.UDPAddr{IP: peer})
	if al == nil || !ok {
		return
	}
	al.shard.post(func() {
		if !al.gone {
			f(al, hostOf(ap.Addr()))
		}
	})
}

func (p *Plane) bound(relay, peer net.Addr, number uint16) {
	al := p.at(relay)
	ap, ok := addrPortOf(peer)
	if al == nil || !ok {
		return
	}
	c := &channel{number: number, peer: endpointOf(p.cfg.Ports.Local(ap)), shut: !p.reachable(endpointOf(ap))}
	c.out.to.set(c.peer, 0)
	c.out.first = -1
	al.shard.post(func() {
		if !al.gone {
			al.channels = append(al.channels, c)
			al.shard.changes++
		}
	})
}

func (p *Plane) unbound(relay net.Addr, number uint16) {
	al := p.at(relay)
	if al == nil {
		return
	}
	al.shard.post(func() {
		al.channels = slices.DeleteFunc(al.channels, func(c *channel) bool { return c.number == number })
		al.recent = nil
		al.shard.changes++
	})
}
