package relay

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/pion/turn/v5"
)

// A Plane is all shards of a server.
type Plane struct {
	cfg     *Config
	shards  []*shard
	procs   *procs
	spare   *datagrams
	relays  *registry
	written written       // to peers by pion
	next    atomic.Uint32 // which shard gets the next client that is not on UDP
}

// New opens the sockets and starts the loops. While they are busy GOMAXPROCS is
// higher by the number of shards.
func New(cfg Config) (*Plane, error) {
	p, err := open(cfg)
	if err != nil {
		return nil, err
	}
	go p.procs.run()
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
	p := &Plane{cfg: &cfg, relays: newRegistry(), procs: newProcs(cfg.Shards), spare: newDatagrams()}
	for i := range cfg.Shards {
		s, err := newShard(p.cfg, p.procs, p.spare)
		if err != nil {
			p.abandon()
			return nil, err
		}
		p.shards = append(p.shards, s)
		for k, addr := range cfg.Listen {
			if i > 0 {
				addr = p.Addrs()[k] // the port that was free
			}
			if err := s.listen(addr); err != nil {
				p.abandon()
				return nil, fmt.Errorf("listen on %s: %w", addr, err)
			}
		}
	}
	for k := range cfg.Listen {
		var all []*clientConn
		for _, s := range p.shards {
			all = append(all, s.path.routes.listeners[k].conn)
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
		for _, l := range s.path.routes.listeners {
			all = append(all, turn.PacketConnConfig{
				PacketConn: l.conn, RelayAddressGenerator: p.generator(l, s), PermissionHandler: permit,
			})
		}
	}
	return all
}

// Generator makes the relays of clients that come over TCP, TLS or DTLS.
func (p *Plane) Generator() turn.RelayAddressGenerator {
	return p.generator(nil, p.shards...)
}

func (p *Plane) generator(via *listener, shards ...*shard) *generator {
	return &generator{cfg: p.cfg, relays: p.relays, spare: p.spare, sum: &p.written, shards: shards, next: &p.next, via: via}
}

// Events is what pion must be given so that shards know of allocations,
// permissions and channels. It then calls next. None of it waits for a loop,
// but for the end of an allocation.
func (p *Plane) Events(next turn.EventHandler) turn.EventHandler {
	return (&events{p.cfg, p.relays}).handler(next)
}

// Addrs are the addresses that clients talk to, in the order of Config.Listen.
func (p *Plane) Addrs() []netip.AddrPort {
	var all []netip.AddrPort
	for _, l := range p.shards[0].path.routes.listeners {
		all = append(all, l.conn.addr)
	}
	return all
}

// Stats asks all shards.
func (p *Plane) Stats() Stats {
	var sum Stats
	for _, s := range p.shards {
		s.tasks.do(func() { sum.add(s.counts()) })
	}
	sum.ToPeers.add(Traffic{Packets: p.written.packets.Load(), Bytes: p.written.bytes.Load()})
	return sum
}

// Usage is what an allocation that lives has carried, by its relay address as
// the client was told it.
func (p *Plane) Usage(relay netip.AddrPort) (Usage, bool) {
	c := p.relays.find(relay)
	if c == nil {
		return Usage{}, false
	}
	return c.usage(), true
}

// Usages are what all allocations that live have carried, without User and Client.
func (p *Plane) Usages() []Usage {
	var all []Usage
	for _, s := range p.shards {
		s.tasks.do(func() {
			all = slices.Grow(all, len(s.path.routes.relays))
			for _, al := range s.path.routes.relays {
				all = append(all, al.usage())
			}
		})
	}
	return all
}

// End ends an allocation; false: there is none at this relay address. pion
// tells of it as of any other that ends.
func (p *Plane) End(relay netip.AddrPort) bool {
	c := p.relays.find(relay)
	if c == nil {
		return false
	}
	_ = c.Close()
	return true
}

// Close ends all allocations and loops. Close pion's server before it.
func (p *Plane) Close() error {
	if !p.relays.close() {
		return nil
	}
	for _, s := range p.shards {
		s.tasks.post(func() { s.stop = true })
		s.tasks.wake()
		<-s.stopped
	}
	p.procs.close()
	return nil
}
