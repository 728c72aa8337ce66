package relay

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	batch     = 32  // packets that one system call takes from a socket
	shortTurn = 64  // packets that one relay socket may have before others are served
	longTurn  = 256 // the same of a socket that clients talk to: many flows share it

	lingerMS = 5 // how long a busy loop waits on its own P
)

// A shard relays the allocations that arrived on its sockets.
type shard struct {
	plane     *Plane
	epoll     int
	wakeFD    int // eventfd: ends a wait
	listeners []*listener
	coalesce  unix.Timespec
	stopped   chan struct{} // closed when the loop has ended

	posted atomic.Bool // there is something in queue
	mu     sync.Mutex
	queue  []func() // guarded by mu
	over   bool     // guarded by mu: the loop has ended, whoever posts runs it

	// The loop's own from here on.
	events  [256]unix.EpollEvent
	owners  []owner // by file descriptor
	relays  map[endpoint]*allocation
	changes uint64 // of relays and their channels
	in      *inbox
	out     *sender
	leaving []*allocation // with packets to peers that are not sent yet
	random  *rand.PCG
	stats   Stats
	passed  uint64 // of stats, at the last wait
	stop    bool
	pace    pace
}

// An owner is what a file descriptor belongs to.
type owner struct {
	listener   *listener
	allocation *allocation
}

func newShard(p *Plane) (*shard, error) {
	s := &shard{
		plane: p, stopped: make(chan struct{}), relays: map[endpoint]*allocation{}, changes: 1,
		coalesce: unix.NsecToTimespec(int64(p.cfg.Coalesce)), pace: pace{coalesce: p.cfg.Coalesce},
		in: newInbox(), random: rand.NewPCG(rand.Uint64(), rand.Uint64()),
	}
	s.out = newSender(s.in)
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("%w: epoll: %w", ErrUnsupported, err)
	}
	if s.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(s.epoll)
		return nil, fmt.Errorf("%w: eventfd: %w", ErrUnsupported, err)
	}
	if err = s.watch(s.wakeFD); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// watch adds a socket to what the loop waits for. Its owner must have been posted before.
func (s *shard) watch(fd int) error {
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: edge, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

const edge = unix.EPOLLIN | unix.EPOLLET&(1<<32-1)

// again has the loop come back to a socket whose turn is over, after all others.
func (s *shard) again(fd int) {
	_ = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: edge, Fd: int32(fd)})
}

// post has the loop run f before the next packet it handles.
func (s *shard) post(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		f()
		return
	}
	s.queue = append(s.queue, f)
	s.posted.Store(true)
}

// do has the loop run f now, and waits for it.
func (s *shard) do(f func()) {
	done := make(chan struct{})
	s.post(func() { f(); close(done) })
	s.wake()
	<-done
}

// one is what an eventfd is told. It adds up, as nobody reads it: more than
// this would be too much for it one day, and wake nobody any more.
var one = binary.NativeEndian.AppendUint64(nil, 1)

// wake ends the loop's wait.
func (s *shard) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over { // and the file descriptor somebody else's
		return
	}
	_, _ = unix.Write(s.wakeFD, one)
}

// catchUp runs what was posted.
func (s *shard) catchUp() {
	if !s.posted.Load() {
		return
	}
	s.mu.Lock()
	q := s.queue
	s.queue = nil
	s.posted.Store(false)
	s.mu.Unlock()
	for _, f := range q {
		f()
	}
}

// run is the loop.
func (s *shard) run() {
	runtime.LockOSThread() // never unlocked: the thread ends with its timer slack
	defer s.end()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	s.pace.since = time.Now()
	for !s.stop {
		n, mine := 0, s.pace.busy && s.plane.want()
		if passed := s.stats.Passed; passed != s.passed {
			s.passed = passed // now pion needs a P
		} else if mine {
			n = pollNow(s.epoll, s.events[:], lingerMS)
		}
		if n == 0 {
			n = pollLong(s.epoll, s.events[:])
		}
		got := s.serve(s.events[:n])
		if got == 0 {
			continue
		}
		s.stats.Wakes++
		if s.pace.served(got) && mine {
			s.stats.Waits++
			nap(&s.coalesce)
		}
	}
}

// serve handles what sockets have, and returns how many packets that were.
func (s *shard) serve(events []unix.EpollEvent) (got int) {
	s.catchUp()
	for i := range events {
		fd := int(events[i].Fd)
		if fd >= len(s.owners) {
			continue
		}
		switch o := s.owners[fd]; {
		case o.allocation != nil:
			got += o.allocation.receive()
		case o.listener != nil:
			got += o.listener.receive()
		}
	}
	s.flush()
	return got
}

// own says whose a file descriptor is.
func (s *shard) own(fd int, o owner) {
	for fd >= len(s.owners) {
		s.owners = append(s.owners, make([]owner, 256)...)
	}
	s.owners[fd] = o
}

// flush sends all that waits; all slots are free then.
func (s *shard) flush() {
	for i, al := range s.leaving {
		s.leaving[i] = nil
		if al.gone { // and its socket with it
			al.out.discard()
			continue
		}
		lost := uint64(s.out.empty(&al.out))
		al.dropped += lost
		s.stats.Drops.Kernel += lost
	}
	s.leaving = s.leaving[:0]
	for _, l := range s.listeners {
		if l.out.first != nil {
			s.stats.Drops.Kernel += uint64(s.out.empty(&l.out))
		}
	}
	s.in.used = 0
}

// end runs what is still posted, and closes all. From then on, who posts runs it.
func (s *shard) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, f := range s.queue {
		f()
	}
	s.queue = nil
	for _, l := range s.listeners {
		l.shut()
	}
	s.release()
	close(s.stopped)
}

func (s *shard) release() {
	unix.Close(s.wakeFD)
	unix.Close(s.epoll)
}
