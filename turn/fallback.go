package turn

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	pion "github.com/pion/turn/v5"
)

// fallbackRelay relays by pion's own path: a socket and a goroutine an allocation. It
// is for systems without what the data plane needs, and for TCP (RFC 6062).
// As pion.RelayAddressGenerator it is safe for concurrent use.
type fallbackRelay struct {
	udp, tcp          *ports
	peers             *peers
	toPeers, toClient atomic.Uint64 // bytes relayed

	mu   sync.Mutex // guards what follows
	open map[relayAddress]relaySocket
}

// relaySocket is what an allocation relays from. Closing it ends the allocation.
type relaySocket interface {
	Close() error
	counts() *traffic
}

func newFallbackRelay(udp, tcp *ports, p *peers) *fallbackRelay {
	return &fallbackRelay{udp: udp, tcp: tcp, peers: p, open: map[relayAddress]relaySocket{}}
}

// Validate has nothing to do: New validates.
func (r *fallbackRelay) Validate() error { return nil }

// AllocatePacketConn opens the relay socket of a UDP allocation.
func (r *fallbackRelay) AllocatePacketConn(c pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	var conn *net.UDPConn
	local, public, err := r.udp.Take(c, func(local netip.AddrPort) (err error) {
		conn, err = net.ListenUDP(c.Network, net.UDPAddrFromAddrPort(local))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	s := &packetSocket{UDPConn: conn, ports: r.udp, peers: r.peers}
	at := relayAddress{"udp", public}
	s.ending = r.ending(at, r.udp, local)
	r.add(at, s)
	return s, net.UDPAddrFromAddrPort(public), nil
}

// AllocateListener opens the relay socket of a TCP allocation.
func (r *fallbackRelay) AllocateListener(c pion.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	var l net.Listener
	local, public, err := r.tcp.Take(c, func(local netip.AddrPort) (err error) {
		l, err = (&net.ListenConfig{Control: shared}).Listen(context.Background(), c.Network, local.String())
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	at := relayAddress{"tcp", public}
	s := &listenSocket{Listener: l, ending: r.ending(at, r.tcp, local)}
	r.add(at, s)
	return s, net.TCPAddrFromAddrPort(public), nil
}

// AllocateConn connects a TCP allocation to a peer.
func (r *fallbackRelay) AllocateConn(c pion.AllocateConnConfig) (net.Conn, error) {
	peer, at := addrPort(c.RemoteAddr), addrPort(c.LocalAddr)
	if !r.peers.permitted(peer.Addr()) || !r.peers.reachable(peer) {
		return nil, errForbidden
	}
	r.mu.Lock()
	s := r.open[relayAddress{"tcp", at}]
	r.mu.Unlock()
	if s == nil {
		return nil, errNoPort
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(r.tcp.Local(at)), Timeout: connectTime, Control: shared}
	conn, err := d.Dial(c.Network, r.tcp.Local(peer).String())
	if err != nil {
		return nil, err
	}
	return &connSocket{conn, s.counts(), peer}, nil
}

// ending makes what a relay socket counts, and does when it is closed.
func (r *fallbackRelay) ending(at relayAddress, p *ports, local netip.AddrPort) ending {
	t := &traffic{}
	t.toPeers.all, t.toClient.all = &r.toPeers, &r.toClient
	return ending{traffic: t, end: sync.OnceFunc(func() {
		r.mu.Lock()
		delete(r.open, at)
		r.mu.Unlock()
		p.Free(local)
		t.end()
	})}
}

func (r *fallbackRelay) add(at relayAddress, s relaySocket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[at] = s
}

// traffic is what an address relayed so far, if it is one of these.
func (r *fallbackRelay) traffic(at relayAddress) *traffic {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.open[at]; s != nil {
		return s.counts()
	}
	return nil
}

// end ends an allocation: pion notices that its socket is closed.
func (r *fallbackRelay) end(at relayAddress) bool {
	r.mu.Lock()
	s := r.open[at]
	r.mu.Unlock()
	if s == nil {
		return false
	}
	_ = s.Close()
	return true
}
