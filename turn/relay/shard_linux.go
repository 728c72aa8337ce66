package relay

import (
	"fmt"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/epoll"
)

const (
	shortTurn = 64  // packets that one relay socket may have before others are served
	longTurn  = 256 // the same of a socket that clients talk to: many flows share it

	lingerMS = 5 // how long a busy loop waits on its own P
)

// A shard relays the allocations that arrived on its sockets: a loop on a thread
// of its own.
type shard struct {
	cfg      *Config
	procs    *procs
	tasks    *tasks
	epoll    epoll.Set
	coalesce unix.Timespec
	stopped  chan struct{} // closed when the loop has ended

	// The loop's own from here on.
	path   forwarder
	events [256]epoll.Event
	owners []owner // by file descriptor
	passed uint64  // of path.stats, at the last wait
	stop   bool
	pace   pace
}

// An owner is what a file descriptor belongs to.
type owner struct {
	listener   *listener
	allocation *allocation
}

func newShard(cfg *Config, p *procs, spare *datagrams) (*shard, error) {
	s := &shard{
		cfg: cfg, procs: p, stopped: make(chan struct{}),
		coalesce: unix.NsecToTimespec(int64(cfg.Coalesce)), pace: pace{coalesce: cfg.Coalesce},
		path: newForwarder(cfg, spare),
	}
	var err error
	if s.epoll, err = epoll.New(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if s.tasks, err = newTasks(); err != nil {
		_ = s.epoll.Close()
		return nil, err
	}
	if err = s.watch(s.tasks.wakeFD); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// listen opens a socket for clients. Before the loop runs.
func (s *shard) listen(addr netip.AddrPort) error {
	fd, bound, err := openUDP(addr, true, s.cfg.ReceiveBuffer)
	if err != nil {
		return err
	}
	l := newListener(newClientConn(fd, bound, s.path.spare))
	s.path.routes.listeners = append(s.path.routes.listeners, l)
	if _, err := recvmmsg(fd, s.path.in.hdr[:1]); err != 0 && err != syscall.EAGAIN {
		return fmt.Errorf("%w: recvmmsg: %w", ErrUnsupported, err)
	}
	s.own(fd, owner{listener: l})
	return s.watch(fd)
}

// watch adds a socket to what the loop waits for. Its owner must have been posted before.
func (s *shard) watch(fd int) error {
	return s.epoll.Add(fd, edge)
}

const edge = unix.EPOLLIN | unix.EPOLLET&(1<<32-1)

// again has the loop come back to a socket that had its turn, after all others.
func (s *shard) again(fd int) {
	_ = s.epoll.Modify(fd, edge)
}

// run is the loop.
func (s *shard) run() {
	runtime.LockOSThread() // never unlocked: the thread ends with its timer slack
	defer s.end()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	s.pace.since = time.Now()
	for !s.stop {
		n, mine := 0, s.pace.busy && s.procs.want()
		if passed := s.path.stats.Passed; passed != s.passed {
			s.passed = passed // now pion needs a P
		} else if mine {
			n = s.epoll.Poll(s.events[:], lingerMS)
		}
		if n == 0 {
			n = s.epoll.Wait(s.events[:])
		}
		got := s.serve(s.events[:n])
		if got == 0 {
			continue
		}
		s.path.stats.Wakes++
		if s.pace.served(got) && mine {
			s.path.stats.Waits++
			nap(&s.coalesce)
		}
	}
}

// serve handles what sockets have, and returns how many packets that were.
func (s *shard) serve(events []epoll.Event) (got int) {
	s.tasks.run()
	for i := range events {
		fd := int(events[i].Fd)
		if fd >= len(s.owners) {
			continue
		}
		switch o := s.owners[fd]; {
		case o.allocation != nil:
			got += s.fromPeers(o.allocation)
		case o.listener != nil:
			got += s.fromClients(o.listener)
		}
	}
	s.path.flush()
	return got
}

// fromClients gives a listener its turn, and returns how many packets it had.
func (s *shard) fromClients(l *listener) (total int) {
	in := s.path.in
	for total < longTurn {
		n := s.receive(l.out.fd)
		for slot := in.used; slot < in.used+n; slot++ {
			s.path.fromClient(l, slot)
		}
		in.used += n
		if total += n; n < batch {
			return total
		}
	}
	s.again(l.out.fd)
	return total
}

// fromPeers gives a relay socket its turn, and returns how many packets it had.
func (s *shard) fromPeers(al *allocation) (total int) {
	in := s.path.in
	for total < shortTurn {
		n := s.receive(al.out.fd)
		if al.closed { // a task closed it
			return total
		}
		for slot := in.used; slot < in.used+n; slot++ {
			s.path.fromPeer(al, slot)
		}
		in.used += n
		if total += n; n < batch {
			return total
		}
	}
	s.again(al.out.fd)
	return total
}

// receive takes up to a batch of packets from a socket into slots, and learns what
// pion had to say before they came.
func (s *shard) receive(fd int) int {
	if slots-s.path.in.used < batch {
		s.path.flush()
	}
	n := s.path.in.receive(fd, batch)
	if n > 0 {
		s.tasks.run()
	}
	return n
}

// own notes what a file descriptor belongs to.
func (s *shard) own(fd int, o owner) {
	for fd >= len(s.owners) {
		s.owners = append(s.owners, make([]owner, 256)...)
	}
	s.owners[fd] = o
}

// adopt takes an allocation in. The loop's, as is drop.
func (s *shard) adopt(al *allocation) {
	s.own(al.out.fd, owner{allocation: al})
	s.path.routes.add(al)
}

// drop forgets an allocation and closes its socket.
func (s *shard) drop(al *allocation) {
	s.own(al.out.fd, owner{})
	s.path.routes.remove(al)
	unix.Close(al.out.fd)
}

// counts are what the shard has relayed. The loop's.
func (s *shard) counts() Stats {
	all := s.path.stats
	all.Allocations = len(s.path.routes.relays)
	return all
}

// end runs what is still posted, and closes all.
func (s *shard) end() {
	s.tasks.end(func() {
		for _, l := range s.path.routes.listeners {
			l.conn.closeSocket()
		}
		_ = s.epoll.Close()
		close(s.stopped)
	})
}
