package relay

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"
)

// A generator makes relays for the clients of a listener, or (nil) for those
// that are not on UDP.
type generator struct {
	cfg    *Config
	relays *registry
	spare  *datagrams
	sum    *written
	shards []*shard       // that get relays, one after the other
	next   *atomic.Uint32 // of shards
	via    *listener      // of the only one of shards
}

// Validate finds nothing wrong.
func (g *generator) Validate() error { return nil }

// AllocatePacketConn opens a relay socket.
func (g *generator) AllocatePacketConn(conf turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := g.shards[int(g.next.Add(1))%len(g.shards)]
	al := &allocation{via: g.via}
	al.answers.first = -1
	c := &relayConn{
		cfg: g.cfg, shard: s, al: al, spare: g.spare, sum: g.sum, done: make(chan struct{}), settled: make(chan struct{}),
	}
	if g.via == nil {
		c.up = make(chan *datagram, waitingForClient)
		al.up = c.up
	}
	var err error
	c.local, al.public, err = g.cfg.Ports.Take(conf, func(local netip.AddrPort) (err error) {
		al.out.fd, _, err = openUDP(local, false, 0)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("find a relay port: %w", err)
	}
	al.local = endpointOf(c.local)
	c.release = func() {
		g.relays.remove(c)
		g.cfg.Ports.Free(c.local)
	}
	if err := g.relays.add(c); err != nil {
		unix.Close(al.out.fd)
		g.cfg.Ports.Free(c.local)
		return nil, nil, err
	}
	s.tasks.post(func() { s.adopt(al) })
	if err := s.watch(al.out.fd); err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, net.UDPAddrFromAddrPort(al.public), nil
}

// AllocateListener is for TCP allocations.
func (g *generator) AllocateListener(conf turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	if g.cfg.TCP == nil {
		return nil, nil, errNoTCP
	}
	return g.cfg.TCP.AllocateListener(conf)
}

// AllocateConn is for TCP allocations.
func (g *generator) AllocateConn(conf turn.AllocateConnConfig) (net.Conn, error) {
	if g.cfg.TCP == nil {
		return nil, errNoTCP
	}
	return g.cfg.TCP.AllocateConn(conf)
}
