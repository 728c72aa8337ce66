package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/pion/turn/v5"
)

// A Plane is all shards of a server.
type Plane struct {
	cfg    Config
	shards []*shard
	spare  sync.Pool     // of *datagram
	round  atomic.Uint32 // whose turn it is to get a client that is not on UDP

	written written

	wanted     chan struct{} // a loop is busy
	used, lent atomic.Bool   // a loop was busy; loops have Ps
	closing    chan struct{}
	settled    chan struct{} // closed when lend has ended

	mu     sync.Mutex
	relays map[netip.AddrPort]*allocation // guarded by mu; by public address
	closed bool                           // guarded by mu
}

// New opens the sockets and starts the loops. While they are busy GOMAXPROCS is
// higher by the number of shards.
func New(cfg Config) (*Plane, error) {
	p, err := open(cfg)
	if err != nil {
		return nil, err
	}
	go p.lend()
	for _, s := range p.shards {
		go s.run()
	}
	return p, nil
}

// open is New without the loops.
func open(cfg Config) (*Plane, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Shards == 0 {
		cfg.Shards = runtime.NumCPU()
	}
	if cfg.ReceiveBuffer == 0 {
		cfg.ReceiveBuffer = DefaultConfig().ReceiveBuffer
	}
	p := &Plane{
		cfg: cfg, relays: map[netip.AddrPort]*allocation{},
		wanted: make(chan struct{}, 1), closing: make(chan struct{}), settled: make(chan struct{}),
	}
	p.spare.New = func() any { return new(datagram) }
	for i := range cfg.Shards {
		s, err := newShard(p)
		if err != nil {
			p.abandon()
			return nil, err
		}
		p.shards = append(p.shards, s)
		for k, addr := range cfg.Listen {
			if i > 0 {
				addr = p.shards[0].listeners[k].addr // the port that was free
			}
			if err := s.listen(addr); err != nil {
				p.abandon()
				return nil, fmt.Errorf("listen on %s: %w", addr, err)
			}
		}
	}
	for k := range cfg.Listen {
		var all []*listener
		for _, s := range p.shards {
			all = append(all, s.listeners[k])
		}
		if cfg.unsteered {
			break
		}
		if err := steer(all); err != nil {
			p.abandon()
			return nil, fmt.Errorf("listen on %s: %w", all[0].addr, err)
		}
	}
	return p, nil
}

// listen opens a socket for clients.
func (s *shard) listen(addr netip.AddrPort) error {
	l, err := newListener(s, addr)
	if err != nil {
		return err
	}
	s.listeners = append(s.listeners, l)
	if _, err := recvmmsg(l.out.fd, s.in.hdr[:1]); err != 0 && err != syscall.EAGAIN {
		return fmt.Errorf("%w: recvmmsg: %w", ErrUnsupported, err)
	}
	s.own(l.out.fd, owner{listener: l})
	return s.watch(l.out.fd)
}

// abandon undoes a New that failed.
func (p *Plane) abandon() {
	for _, s := range p.shards {
		s.end()
	}
}

// PacketConns are the sockets of all shards, each with the generator of its
// relays, for turn.ServerConfig.
func (p *Plane) PacketConns(permit turn.PermissionHandler) []turn.PacketConnConfig {
	var all []turn.PacketConnConfig
	for _, s := range p.shards {
		for _, l := range s.listeners {
			all = append(all, turn.PacketConnConfig{
				PacketConn: l, RelayAddressGenerator: &generator{plane: p, via: l}, PermissionHandler: permit,
			})
		}
	}
	return all
}

// Generator makes the relays of clients that come over TCP, TLS or DTLS.
func (p *Plane) Generator() turn.RelayAddressGenerator { return &generator{plane: p} }

// Addrs are the addresses that clients talk to, in the order of Config.Listen.
func (p *Plane) Addrs() []netip.AddrPort {
	var all []netip.AddrPort
	for _, l := range p.shards[0].listeners {
		all = append(all, l.addr)
	}
	return all
}

// Stats asks all shards.
func (p *Plane) Stats() Stats {
	var sum Stats
	for _, s := range p.shards {
		s.do(func() { sum.add(s.stats) })
	}
	sum.ToPeers.add(Traffic{Packets: p.written.packets.Load(), Bytes: p.written.bytes.Load()})
	return sum
}

// Usage is what an allocation that lives has carried, by its relay address as
// the client was told it.
func (p *Plane) Usage(relay netip.AddrPort) (Usage, bool) {
	al := p.find(relay)
	if al == nil {
		return Usage{}, false
	}
	var u Usage
	al.shard.do(func() { u = al.usage() })
	al.mu.RLock()
	defer al.mu.RUnlock()
	u.User, u.Client = al.user, al.source
	return u, true
}

// Usages are what all allocations that live have carried, without whose they are.
func (p *Plane) Usages() []Usage {
	var all []Usage
	for _, s := range p.shards {
		s.do(func() {
			all = slices.Grow(all, len(s.relays))
			for _, al := range s.relays {
				all = append(all, al.usage())
			}
		})
	}
	return all
}

// End ends an allocation; false: there is none at this relay address. pion
// tells of it as of any other that ends.
func (p *Plane) End(relay netip.AddrPort) bool {
	al := p.find(relay)
	if al == nil {
		return false
	}
	_ = al.Close()
	return true
}

// Close ends all allocations and loops. Close pion's server before it.
func (p *Plane) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	var left []*allocation
	for _, al := range p.relays {
		left = append(left, al)
	}
	p.mu.Unlock()
	for _, al := range left {
		_ = al.Close()
	}
	for _, s := range p.shards {
		s.post(func() { s.stop = true })
		s.wake()
		<-s.stopped
	}
	close(p.closing)
	<-p.settled
	return nil
}

func (p *Plane) find(relay netip.AddrPort) *allocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.relays[relay]
}

func (p *Plane) remember(al *allocation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	if p.relays[al.public] != nil {
		return errors.New("two relays at one address: look at what Ports.Take gives")
	}
	p.relays[al.public] = al
	return nil
}

func (p *Plane) forget(al *allocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.relays[al.public] == al {
		delete(p.relays, al.public)
	}
}

// local and public are Ports' for endpoints.
func (p *Plane) local(e endpoint) endpoint {
	return endpointOf(p.cfg.Ports.Local(e.addrPort()))
}

func (p *Plane) public(e endpoint) endpoint {
	return endpointOf(p.cfg.Ports.Public(e.addrPort()))
}

func (p *Plane) reachable(e endpoint) bool {
	return p.cfg.Reachable == nil || p.cfg.Reachable(e.addrPort())
}

func udpAddr(e endpoint) *net.UDPAddr { return net.UDPAddrFromAddrPort(e.addrPort()) }
