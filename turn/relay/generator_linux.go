package relay

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/turn/v5"
	"golang.org/x/sys/unix"
)

// A generator makes relays for the clients of a listener, or (nil) for those
// that are not on UDP.
type generator struct {
	plane *Plane
	via   *listener
}

// Validate finds nothing wrong.
func (g *generator) Validate() error { return nil }

// AllocatePacketConn opens a relay socket.
func (g *generator) AllocatePacketConn(conf turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	al := &allocation{via: g.via, done: make(chan struct{}), settled: make(chan struct{})}
	al.answers.first = -1
	if g.via != nil {
		al.shard = g.via.shard
	} else {
		al.shard = g.plane.shards[int(g.plane.round.Add(1))%len(g.plane.shards)]
		al.up = make(chan *datagram, waitingForClient)
	}
	var err error
	al.local, al.public, err = g.plane.cfg.Ports.Take(conf, func(local netip.AddrPort) (err error) {
		al.out.fd, _, err = openUDP(local, false, 0)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("find a relay port: %w", err)
	}
	al.wire = endpointOf(al.local)
	if err := g.plane.remember(al); err != nil {
		unix.Close(al.out.fd)
		g.plane.cfg.Ports.Free(al.local)
		return nil, nil, err
	}
	al.shard.post(func() { al.shard.adopt(al) })
	if err := al.shard.watch(al.out.fd); err != nil {
		_ = al.Close()
		return nil, nil, err
	}
	return al, net.UDPAddrFromAddrPort(al.public), nil
}

// AllocateListener is for TCP allocations.
func (g *generator) AllocateListener(conf turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	if g.plane.cfg.TCP == nil {
		return nil, nil, errNoTCP
	}
	return g.plane.cfg.TCP.AllocateListener(conf)
}

// AllocateConn is for TCP allocations.
func (g *generator) AllocateConn(conf turn.AllocateConnConfig) (net.Conn, error) {
	if g.plane.cfg.TCP == nil {
		return nil, errNoTCP
	}
	return g.plane.cfg.TCP.AllocateConn(conf)
}
