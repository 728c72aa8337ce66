package relay

import (
	"net"
	"net/netip"

	"github.com/pion/turn/v5"
)

// events tell the shards what pion has decided.
type events struct {
	cfg    *Config
	relays *registry
}

// handler tells the shards, and then calls next.
func (e *events) handler(next turn.EventHandler) turn.EventHandler {
	all := next
	all.OnAllocationCreated = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, port int) {
		e.allocated(src, user, relay)
		if next.OnAllocationCreated != nil {
			next.OnAllocationCreated(src, dst, protocol, user, realm, relay, port)
		}
	}
	all.OnPermissionCreated = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, peer net.IP) {
		e.onHost(relay, peer, (*routes).permit)
		if next.OnPermissionCreated != nil {
			next.OnPermissionCreated(src, dst, protocol, user, realm, relay, peer)
		}
	}
	all.OnPermissionDeleted = func(src, dst net.Addr, protocol, user, realm string, relay net.Addr, peer net.IP) {
		e.onHost(relay, peer, (*routes).forbid)
		if next.OnPermissionDeleted != nil {
			next.OnPermissionDeleted(src, dst, protocol, user, realm, relay, peer)
		}
	}
	all.OnChannelCreated = func(src, dst net.Addr, protocol, user, realm string, relay, peer net.Addr, number uint16) {
		e.bound(relay, peer, number)
		if next.OnChannelCreated != nil {
			next.OnChannelCreated(src, dst, protocol, user, realm, relay, peer, number)
		}
	}
	all.OnChannelDeleted = func(src, dst net.Addr, protocol, user, realm string, relay, peer net.Addr, number uint16) {
		e.unbound(relay, number)
		if next.OnChannelDeleted != nil {
			next.OnChannelDeleted(src, dst, protocol, user, realm, relay, peer, number)
		}
	}
	return all
}

// at finds the relay that an event is about; nil: none of ours, as those of TCP.
func (e *events) at(relay net.Addr) *relayConn {
	ap, ok := addrPortOf(relay)
	if !ok {
		return nil
	}
	return e.relays.find(ap)
}

func (e *events) allocated(src net.Addr, user string, relay net.Addr) {
	c := e.at(relay)
	if c == nil {
		return
	}
	var limiter *RateLimiter
	if e.cfg.Limiter != nil {
		limiter = e.cfg.Limiter(user, src)
	}
	al, s := c.al, c.shard
	var source netip.AddrPort
	if al.via != nil {
		source, _ = addrPortOf(src)
	}
	if !c.activate(user, source, limiter) {
		limiter.Close()
		return
	}
	s.tasks.post(func() {
		al.ration = newRation(limiter)
		if al.via == nil || al.closed {
			return
		}
		client, _ := sockaddrOf(src) // it came from a socket of ours
		s.path.routes.serve(al, client)
	})
}

// onHost posts a change of permissions.
func (e *events) onHost(relay net.Addr, peer net.IP, change func(*routes, *allocation, host)) {
	c := e.at(relay)
	ap, ok := addrPortOf(&net.UDPAddr{IP: peer})
	if c == nil || !ok {
		return
	}
	c.shard.tasks.post(func() {
		if !c.al.closed {
			change(&c.shard.path.routes, c.al, hostOf(ap.Addr()))
		}
	})
}

func (e *events) bound(relay, peer net.Addr, number uint16) {
	c := e.at(relay)
	ap, ok := addrPortOf(peer)
	if c == nil || !ok {
		return
	}
	ch := &channel{number: number, peer: e.cfg.local(endpointOf(ap)), blocked: !e.cfg.reachable(endpointOf(ap))}
	ch.out.to.set(ch.peer, 0)
	ch.out.first = -1
	c.shard.tasks.post(func() {
		if !c.al.closed {
			c.shard.path.routes.bind(c.al, ch)
		}
	})
}

func (e *events) unbound(relay net.Addr, number uint16) {
	if c := e.at(relay); c != nil {
		c.shard.tasks.post(func() { c.shard.path.routes.unbind(c.al, number) })
	}
}
