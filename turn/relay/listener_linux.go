package relay

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// backlog is how many packets wait for pion, of clients with an allocation and
// of others each: who has none cannot crowd out a call's refreshes.
const backlog = 512

// A listener is a socket that clients talk to, for pion a net.PacketConn.
type listener struct {
	shard          *shard
	addr           netip.AddrPort
	control        *net.UDPConn // pion's own socket at addr; nil: it gets all from the loop
	known, unknown chan *datagram
	closed         chan struct{}
	closeOnce      sync.Once

	mu   sync.RWMutex // held to write, so that the socket is not closed meanwhile
	gone bool         // guarded by mu

	// The loop's own.
	clients map[endpoint]*allocation
	last    *allocation // whose packet came last
	out     exit        // its fd is the socket
}

// A datagram is a packet for pion, or from it.
type datagram struct {
	b    [largest]byte
	n    int
	addr net.Addr
}

func newListener(s *shard, addr netip.AddrPort) (*listener, error) {
	fd, bound, err := openUDP(addr, true, s.plane.cfg.ReceiveBuffer)
	if err != nil {
		return nil, err
	}
	return &listener{
		shard: s, addr: bound, out: exit{fd: fd}, clients: map[endpoint]*allocation{},
		known: make(chan *datagram, backlog), unknown: make(chan *datagram, backlog), closed: make(chan struct{}),
	}, nil
}

// receive gives the socket its turn, and returns how many packets it had.
func (l *listener) receive() (total int) {
	s, in := l.shard, l.shard.in
	for total < longTurn {
		if slots-in.used < batch {
			s.flush()
		}
		n := in.receive(l.out.fd, batch)
		if n == 0 {
			return total
		}
		s.catchUp()
		for slot := in.used; slot < in.used+n; slot++ {
			l.handle(slot)
		}
		in.used += n
		if total += n; n < batch {
			return total
		}
	}
	s.again(l.out.fd)
	return total
}

// handle relays a client's packet, or gives it to pion.
func (l *listener) handle(slot int) {
	s := l.shard
	b, ok := s.in.packet(slot)
	if !ok {
		s.stats.Drops.Oversize++
		return
	}
	from := s.in.from[slot].endpoint()
	if number, n, ok := parseChannelData(b); ok {
		if al := l.client(from); al != nil {
			if c := al.numbered(number); c != nil {
				s.channelToPeer(al, c, slot, n)
				return
			}
		}
		s.stats.Drops.Unknown++
		return
	}
	if !isSTUN(b) {
		s.stats.Drops.Unknown++
		return
	}
	al := l.client(from)
	if isSend(b) {
		if al == nil {
			s.stats.Drops.Unknown++
			return
		}
		if peer, off, n, ok := parseSend(b); ok {
			s.sendToPeer(al, peer, slot, off, n)
			return
		}
	}
	queue := l.unknown
	if al != nil {
		queue = l.known
	}
	s.pass(queue, b, s.in.from[slot].udpAddr())
	l.nudge()
}

// client finds the allocation of a client.
func (l *listener) client(from endpoint) *allocation {
	if l.last != nil && l.last.client == from {
		return l.last
	}
	al := l.clients[from]
	if al != nil {
		l.last = al
	}
	return al
}

// pass gives a packet to pion.
func (s *shard) pass(queue chan<- *datagram, b []byte, from net.Addr) {
	d := s.plane.spare.Get().(*datagram)
	d.n, d.addr = copy(d.b[:], b), from
	select {
	case queue <- d:
		s.stats.Passed++
	default:
		s.stats.Drops.Queue++
		s.plane.spare.Put(d)
	}
}

// take copies a packet out for pion.
func (p *Plane) take(d *datagram, b []byte) (int, net.Addr, error) {
	n, addr := copy(b, d.b[:d.n]), d.addr
	d.addr = nil
	p.spare.Put(d)
	return n, addr, nil
}

// ReadFrom gives pion what the loop does not handle itself. Where that comes
// from the loop, clients that have an allocation go first.
func (l *listener) ReadFrom(b []byte) (int, net.Addr, error) {
	if l.control != nil {
		return l.readControl(b)
	}
	select {
	case d := <-l.known:
		return l.shard.plane.take(d, b)
	default:
	}
	select {
	case d := <-l.known:
		return l.shard.plane.take(d, b)
	case d := <-l.unknown:
		return l.shard.plane.take(d, b)
	case <-l.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends pion's answers.
func (l *listener) WriteTo(b []byte, to net.Addr) (int, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.gone {
		return 0, net.ErrClosed
	}
	return writeTo(l.out.fd, b, to)
}

func writeTo(fd int, b []byte, a net.Addr) (int, error) {
	to, err := sockaddrOf(a)
	if err != nil {
		return 0, err
	}
	var empty [1]byte
	p := &empty[0]
	if len(b) > 0 {
		p = &b[0]
	}
	if err := sendto(fd, p, len(b), &to); err != 0 {
		return 0, os.NewSyscallError("sendto", err)
	}
	return len(b), nil
}

// Close ends pion's reading. The socket is closed with the Plane.
func (l *listener) Close() error {
	l.closeOnce.Do(func() {
		close(l.closed)
		if l.control != nil {
			_ = l.control.Close()
		}
	})
	return nil
}

// shut closes the socket.
func (l *listener) shut() {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gone {
		l.gone = true
		unix.Close(l.out.fd)
	}
}

// LocalAddr is where clients talk to.
func (l *listener) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(l.addr) }

// SetDeadline is not needed by pion.
func (l *listener) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not needed by pion.
func (l *listener) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not needed by pion.
func (l *listener) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
