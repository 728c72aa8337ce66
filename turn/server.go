package turn

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"

	"github.com/helios-h2020/pse/turn/auth"
	"github.com/helios-h2020/pse/turn/relay"
	pion "github.com/pion/turn/v5"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/limit"
)

// server is pion's, with a filter before each of its sockets. What it tells of
// allocations goes to the worker.
type server struct {
	*authPolicy
	log       *zap.Logger
	sockets   *sockets
	secure    *tls.Config // nil without TLS
	dataPlane *dataPlane  // nil: there is none, and the fallback relays UDP too
	fallback  *fallbackRelay
	shares    *quota
	limits    *limits
	arrivals  *limit.ByAddress   // allocations a minute from one address
	streams   *limit.Connections // over TCP and TLS
	datagrams *limit.Connections // over DTLS, where sender addresses may be forged: they take no place of others
	acceptors []*acceptor
	draining  func() bool
	opened    func(allocation)
	closed    func(allocation, relay.Usage)

	pion   *pion.Server
	ending sync.WaitGroup // of allocations that ended as soon as they were there
}

// start begins to serve the sockets.
func (s *server) start() error {
	cfg := pion.ServerConfig{
		Realm: s.cfg.Realm, LoggerFactory: pionLog{s.log}, AuthHandler: s.authenticate, QuotaHandler: s.quota, EventHandler: s.events(),
		InboundMTU:         relay.LongestMessage + 1, // longer ones are dropped by pion
		AllocationLifetime: longestLifetime,          // of requests that ask for as much: all that reach pion ask
	}
	permit := func(_ net.Addr, peer net.IP) bool {
		ip, _ := netip.AddrFromSlice(peer)
		return s.peers.permitted(ip)
	}
	var relays pion.RelayAddressGenerator = s.fallback
	if s.dataPlane != nil {
		relays, cfg.EventHandler = s.dataPlane.Generator(), s.dataPlane.Events(cfg.EventHandler)
		cfg.PacketConnConfigs = s.dataPlane.PacketConns(permit)
	}
	for _, c := range s.sockets.udp {
		cfg.PacketConnConfigs = append(cfg.PacketConnConfigs, pion.PacketConnConfig{PacketConn: c, RelayAddressGenerator: relays, PermissionHandler: permit})
	}
	for i, c := range cfg.PacketConnConfigs {
		s.discovery.has(c.PacketConn)
		cfg.PacketConnConfigs[i].PacketConn = newFilteredPacketConn(c.PacketConn, s.authPolicy)
	}
	for _, l := range s.sockets.tcp {
		s.acceptors = append(s.acceptors, newAcceptor(s.streams.Listen(l), s.authPolicy, "tcp", nil))
	}
	for _, l := range s.sockets.tls {
		s.acceptors = append(s.acceptors, newAcceptor(s.streams.Listen(l), s.authPolicy, "tls", greetTLS(s.secure)))
	}
	for _, l := range s.sockets.dtls {
		s.acceptors = append(s.acceptors, newAcceptor(s.datagrams.Listen(l), s.authPolicy, "dtls", greetDTLS))
	}
	for _, a := range s.acceptors {
		cfg.ListenerConfigs = append(cfg.ListenerConfigs, pion.ListenerConfig{
			Listener: a, RelayAddressGenerator: relays, PermissionHandler: permit,
		})
	}
	var err error
	if s.pion, err = pion.NewServer(cfg); err != nil {
		return err
	}
	for _, a := range s.acceptors {
		go a.run() // until its listener is closed
	}
	return nil
}

// authenticate reads what a filter wrote; nothing else reaches pion.
func (s *server) authenticate(r *pion.RequestAttributes) (user string, key []byte, ok bool) {
	return s.unsealUsername(r.Username)
}

// quota is asked before each allocation; false answers 486.
func (s *server) quota(account, _ string, from net.Addr) bool {
	_, guest := auth.GuestOf(account)
	most := s.cfg.GuestAddressAllocations
	switch {
	case s.draining():
		return true // the ports refuse, and that answers 508: another relay may have room
	case !s.shares.left(account), guest && most > 0 && s.table.guestsAt(limit.Counted(addrPort(from).Addr())) >= most:
		s.metrics.refuse("quota")
		return false
	case s.limits.spent(account, from):
		s.metrics.refuse("bytes")
		return false
	}
	if !s.arrivals.Take(addrPort(from).Addr()) {
		s.metrics.refuse("allocations")
		return false
	}
	return true
}

// events keep the table.
func (s *server) events() pion.EventHandler {
	return pion.EventHandler{
		OnAllocationCreated: func(from, here net.Addr, _, account, _ string, on net.Addr, _ int) {
			at := relayAddress{on.Network(), addrPort(on)}
			t := s.fallback.traffic(at)
			t.bound(func() *relay.RateLimiter { return s.limits.open(account, from) })
			s.opened(s.table.opened(s.client(from, here), account, at, t))
			if s.credentials.IsRevoked(account) { // since its request came: it was not in the table then
				s.metrics.revoked.Inc()
				s.ending.Go(func() { s.end(at) }) // not here: pion is at it
			}
		},
		OnAllocationDeleted: func(from, here net.Addr, _, _, _ string) {
			if a, ok := s.table.closed(s.client(from, here)); ok {
				s.closed(a, s.carried(a))
			}
		},
		OnPermissionCreated: func(from, here net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			s.permission(from, here, peer, true)
		},
		OnPermissionDeleted: func(from, here net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			s.permission(from, here, peer, false)
		},
		OnChannelCreated: func(from, here net.Addr, _, _, _ string, _, _ net.Addr, number uint16) {
			s.table.channel(s.client(from, here), number, true)
		},
		OnChannelDeleted: func(from, here net.Addr, _, _, _ string, _, _ net.Addr, number uint16) {
			s.table.channel(s.client(from, here), number, false)
		},
	}
}

func (s *server) permission(from, here net.Addr, peer net.IP, there bool) {
	ip, _ := netip.AddrFromSlice(peer)
	s.table.permission(s.client(from, here), ip.Unmap(), there)
}

// client finds the transport by where it came in: what is on the port of TLS is not clear.
func (s *server) client(from, here net.Addr) client {
	c := client{transport: from.Network(), at: addrPort(from), here: addrPort(here)}
	if s.sockets.tlsPort != 0 && int(c.here.Port()) == s.sockets.tlsPort {
		c.transport = map[string]string{"udp": "dtls", "tcp": "tls"}[c.transport]
	}
	return c
}

// connections are those over TCP, TLS and DTLS.
func (s *server) connections() int { return s.streams.Len() + s.datagrams.Len() }

// carried is what an allocation that ended has carried.
func (s *server) carried(a allocation) (u relay.Usage) {
	if u, ok := s.dataPlane.carried(a.relay); ok {
		return u
	}
	return a.traffic.usage()
}

// carriedSoFar is what allocations that live have carried.
func (s *server) carriedSoFar(allocations map[relayAddress]*traffic) map[relayAddress]relay.Usage {
	all := s.dataPlane.usages()
	for at, t := range allocations {
		if _, ok := all[at]; !ok && t != nil { // else it is the data plane's, and ended just now
			all[at] = t.usage()
		}
	}
	return all
}

// end ends an allocation.
func (s *server) end(at relayAddress) { _ = s.dataPlane.end(at) || s.fallback.end(at) }

// stop closes everything, and waits for the handshakes that were going on.
// Allocations end with their sockets.
func (s *server) stop() {
	_ = s.pion.Close()
	s.ending.Wait()
	for _, a := range s.acceptors {
		a.hangUp()
	}
	for _, at := range s.table.all() {
		s.end(at)
	}
	s.dataPlane.stop()
}
