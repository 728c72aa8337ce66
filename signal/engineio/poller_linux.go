package engineio

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/helios-h2020/pse/internal/epoll"
	"golang.org/x/sys/unix"
)

// gatherTime is for how long the poller lets events gather after it woke readers.
const gatherTime = 5 * time.Millisecond

// poller wakes the goroutines that wait for fdConns. The first event after a silence
// is told at once; while more come they are told together, once in gatherTime. Go's
// scheduler would wake the process for each of them: more than a tenth of all CPU time
// a relayed message. Here the scheduler waits only for a silence to end: for outer,
// which is armed while nothing comes.
type poller struct {
	inner epoll.Set // of the connections
	outer *os.File  // epoll of inner
	raw   syscall.RawConn
	over  chan struct{} // closed when run has ended

	mu     sync.Mutex // guards what follows
	conns  []*fdConn  // by file descriptor
	closed bool
}

func newPoller() (*poller, error) {
	inner, err := epoll.New()
	if err != nil {
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	outer, err := epoll.New()
	if err != nil {
		_ = inner.Close()
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	p := &poller{inner: inner, over: make(chan struct{})}
	if err = outer.Add(int(inner), 0); err == nil {
		err = unix.SetNonblock(int(outer), true) // else Go's scheduler does not take it
	}
	p.outer = os.NewFile(uintptr(outer), "epoll")
	if err == nil {
		err = p.outer.SetReadDeadline(time.Time{}) // fails if it did not
	}
	if err == nil {
		p.raw, err = p.outer.SyscallConn()
	}
	if err != nil {
		_ = p.outer.Close()
		_ = inner.Close()
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	go p.run()
	return p, nil
}

// close ends the poller; it may be called twice. Nothing may wait for its
// connections any more.
func (p *poller) close() {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	_ = p.outer.Close()
	<-p.over
	if !again { // or the number may be another file's
		_ = p.inner.Close()
	}
}

func (p *poller) run() {
	defer close(p.over)
	var events [128]epoll.Event
	for {
		switch n := p.inner.Poll(events[:], 0); n {
		case 0:
			if !p.awaitEvents() {
				return
			}
		default:
			if !p.dispatch(events[:n]) {
				return
			}
			if n < len(events) {
				time.Sleep(gatherTime)
			}
		}
	}
}

// awaitEvents waits until something comes, false when the poller is closed.
func (p *poller) awaitEvents() bool {
	var came [1]epoll.Event
	armed := false
	return p.raw.Read(func(fd uintptr) bool {
		outer := epoll.Set(fd)
		if !armed {
			armed = outer.Modify(int(p.inner), unix.EPOLLIN|unix.EPOLLONESHOT) == nil
		}
		return outer.Poll(came[:], 0) > 0
	}) == nil
}

// dispatch gives events to their connections, false when the poller is closed.
func (p *poller) dispatch(events []epoll.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range events {
		if c := p.conns[events[i].Fd]; c != nil {
			c.onEvents(events[i].Events)
		}
	}
	return !p.closed
}

// add watches a connection.
func (p *poller) add(c *fdConn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return net.ErrClosed
	}
	for c.fd >= len(p.conns) {
		p.conns = append(p.conns, make([]*fdConn, 256)...)
	}
	p.conns[c.fd] = c
	// Edge-triggered: a reader that was woken goes on until it has to wait.
	const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	err := p.inner.Add(c.fd, edges)
	if err != nil {
		p.conns[c.fd] = nil
	}
	return err
}

// remove forgets a connection, before it is closed.
func (p *poller) remove(c *fdConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c.fd] = nil
}
