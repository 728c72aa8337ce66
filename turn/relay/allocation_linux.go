package relay

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// waitingForClient is how many packets of peers wait for pion, when it writes
// to a client over TCP, TLS or DTLS.
const waitingForClient = 64

// An allocation is a relay socket, for pion a net.PacketConn. Of clients over
// UDP pion never sees a packet of it: the loop does all. Of others the loop
// gives to pion what peers send, and pion writes what the client sends.
type allocation struct {
	shard         *shard
	via           *listener // nil: the client does not come over UDP
	local, public netip.AddrPort
	wire          endpoint // local, as peers of this host see it
	up            chan *datagram
	done          chan struct{} // closed when pion shall read no more
	settled       chan struct{} // closed when everything is given back

	written written

	mu     sync.RWMutex // held to write, so that the socket is not closed meanwhile
	closed bool         // guarded by mu
	user   string       // guarded by mu, like all that pion tells
	source netip.AddrPort
	active bool // pion has made an allocation of it
	gate   *Gate

	// The loop's own.
	gone              bool
	client            endpoint
	answers           line // to the client
	out               exit // to peers; its fd is the socket
	channels          []*channel
	permits           []host
	recent            *channel // of which a packet came last
	ration            ration
	toPeers, toClient Traffic
	dropped           uint64
}

// written counts what pion sent to peers, of clients that are not on UDP.
type written struct{ packets, bytes, dropped atomic.Uint64 }

// A channel is bound to a peer (RFC 8656, 12).
type channel struct {
	number uint16
	peer   endpoint // as seen on the wire
	out    line
	shut   bool // packets may not go there

	// What was found at that count of changes: peer may be a relay of this shard.
	seen uint64
	far  *allocation
	back *channel
}

// numbered finds a channel by its number.
func (al *allocation) numbered(number uint16) *channel {
	if c := al.recent; c != nil && c.number == number {
		return c
	}
	for _, c := range al.channels {
		if c.number == number {
			al.recent = c
			return c
		}
	}
	return nil
}

// towards finds a channel by its peer.
func (al *allocation) towards(peer endpoint) *channel {
	if c := al.recent; c != nil && c.peer == peer {
		return c
	}
	for _, c := range al.channels {
		if c.peer == peer {
			al.recent = c
			return c
		}
	}
	return nil
}

// permitted tells whether packets of this host may pass.
func (al *allocation) permitted(h host) bool {
	for i := range al.permits {
		if al.permits[i] == h {
			return true
		}
	}
	return false
}

// receive gives the relay socket its turn, and returns how many packets it had.
func (al *allocation) receive() (total int) {
	s, in := al.shard, al.shard.in
	for total < shortTurn {
		if slots-in.used < batch {
			s.flush()
		}
		n := in.receive(al.out.fd, batch)
		if n == 0 {
			return total
		}
		s.catchUp()
		if al.gone { // one of what was posted closed it
			return total
		}
		for slot := in.used; slot < in.used+n; slot++ {
			b, ok := in.packet(slot)
			if !ok {
				s.stats.Drops.Oversize++
				continue
			}
			from := in.from[slot].endpoint()
			s.toClient(al, from, al.towards(from), slot, 0, len(b))
		}
		in.used += n
		if total += n; n < batch {
			return total
		}
	}
	s.again(al.out.fd)
	return total
}

// usage is what it carried. The loop's.
func (al *allocation) usage() Usage {
	return Usage{
		Relay: al.public,
		ToPeers: Traffic{
			Packets: al.toPeers.Packets + al.written.packets.Load(),
			Bytes:   al.toPeers.Bytes + al.written.bytes.Load(),
		},
		ToClient: al.toClient,
		Dropped:  al.dropped + al.written.dropped.Load(),
	}
}

// ReadFrom gives pion what peers sent to a client that is not on UDP. For
// others it only waits for the end.
func (al *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-al.up:
		return al.shard.plane.take(d, b)
	case <-al.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends what a client that is not on UDP has for a peer.
func (al *allocation) WriteTo(b []byte, to net.Addr) (int, error) {
	al.mu.RLock()
	defer al.mu.RUnlock()
	if al.closed {
		return 0, net.ErrClosed
	}
	peer, ok := addrPortOf(to)
	if !ok {
		return 0, errNotUDP
	}
	if !al.shard.plane.reachable(endpointOf(peer)) {
		al.written.dropped.Add(1)
		return 0, errShut
	}
	peer = al.shard.plane.cfg.Ports.Local(peer)
	if !al.gate.Pass(len(b)) {
		al.written.dropped.Add(1)
		return 0, errRate
	}
	if al.wire.is4() != hostOf(peer.Addr()).is4() {
		al.written.dropped.Add(1)
		return 0, errFamily
	}
	n, err := writeTo(al.out.fd, b, net.UDPAddrFromAddrPort(peer))
	if err != nil {
		al.written.dropped.Add(1)
		return n, err
	}
	for _, w := range []*written{&al.written, &al.shard.plane.written} {
		w.packets.Add(1)
		w.bytes.Add(uint64(len(b)))
	}
	return n, nil
}

// Close closes the socket; pion then deletes the allocation, if it is not at
// it. All calls return when everything is given back.
func (al *allocation) Close() error {
	al.mu.Lock()
	if al.closed {
		al.mu.Unlock()
		<-al.settled
		return nil
	}
	al.closed = true
	user, source, active, gate := al.user, al.source, al.active, al.gate
	al.mu.Unlock()

	defer close(al.settled)
	p := al.shard.plane
	var u Usage
	al.shard.do(func() {
		al.shard.drop(al)
		u = al.usage()
	})
	close(al.done)
	p.forget(al)
	p.cfg.Ports.Free(al.local)
	gate.Close()
	if active && p.cfg.Ended != nil {
		u.User, u.Client = user, source
		p.cfg.Ended(u)
	}
	return nil
}

// adopt takes an allocation into the tables. The loop's, as is drop.
func (s *shard) adopt(al *allocation) {
	s.own(al.out.fd, owner{allocation: al})
	s.relays[al.wire] = al
	s.stats.Allocations++
	s.changes++
}

func (s *shard) drop(al *allocation) {
	s.changes++
	s.own(al.out.fd, owner{})
	al.gone = true
	unix.Close(al.out.fd)
	if s.relays[al.wire] == al {
		delete(s.relays, al.wire)
	}
	if l := al.via; l != nil {
		if l.clients[al.client] == al {
			delete(l.clients, al.client)
		}
		l.last = nil
	}
	al.channels, al.permits, al.recent = nil, nil, nil
	s.stats.Allocations--
}

// LocalAddr is where peers talk to, as the host knows it.
func (al *allocation) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(al.local) }

// SetDeadline is not needed by pion.
func (al *allocation) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not needed by pion.
func (al *allocation) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not needed by pion.
func (al *allocation) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
