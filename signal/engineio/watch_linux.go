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

// beat is how long the watch lets what comes gather after it woke readers.
const beat = 5 * time.Millisecond

// watch tells those who wait for bare connections that they can go on. The
// first after a silence is told at once; while more comes, they are told
// together, once a beat. Go's scheduler would wake the process for each of
// them: more than a tenth of all CPU time a relayed message. Here it waits only
// for a silence to end: for outer, which is armed while nothing comes.
type watch struct {
	inner epoll.Set // of the connections
	outer *os.File  // epoll of inner
	raw   syscall.RawConn
	over  chan struct{} // closed when run has ended

	mu     sync.Mutex  // guards what follows
	conns  []*bareConn // by file descriptor
	closed bool
}

func newWatch() (*watch, error) {
	inner, err := epoll.New()
	if err != nil {
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	outer, err := epoll.New()
	if err != nil {
		_ = inner.Close()
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	w := &watch{inner: inner, over: make(chan struct{})}
	if err = outer.Add(int(inner), 0); err == nil {
		err = unix.SetNonblock(int(outer), true) // else Go's scheduler does not take it
	}
	w.outer = os.NewFile(uintptr(outer), "epoll")
	if err == nil {
		err = w.outer.SetReadDeadline(time.Time{}) // fails if it did not
	}
	if err == nil {
		w.raw, err = w.outer.SyscallConn()
	}
	if err != nil {
		_ = w.outer.Close()
		_ = inner.Close()
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	go w.run()
	return w, nil
}

// close ends the watch; it may be called twice. Nobody waits for its
// connections any more.
func (w *watch) close() {
	w.mu.Lock()
	again := w.closed
	w.closed = true
	w.mu.Unlock()
	_ = w.outer.Close()
	<-w.over
	if !again { // or the number may be another file's
		_ = w.inner.Close()
	}
}

func (w *watch) run() {
	defer close(w.over)
	var events [128]epoll.Event
	for {
		switch n := w.inner.Poll(events[:], 0); n {
		case 0:
			if !w.silence() {
				return
			}
		default:
			if !w.wake(events[:n]) {
				return
			}
			if n < len(events) {
				time.Sleep(beat)
			}
		}
	}
}

// silence waits until something comes, false when the watch is closed.
func (w *watch) silence() bool {
	var came [1]epoll.Event
	armed := false
	return w.raw.Read(func(fd uintptr) bool {
		outer := epoll.Set(fd)
		if !armed {
			armed = outer.Modify(int(w.inner), unix.EPOLLIN|unix.EPOLLONESHOT) == nil
		}
		return outer.Poll(came[:], 0) > 0
	}) == nil
}

// wake tells those whom events are for, false when the watch is closed.
func (w *watch) wake(events []epoll.Event) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range events {
		if c := w.conns[events[i].Fd]; c != nil {
			c.call(events[i].Events)
		}
	}
	return !w.closed
}

// add has a connection watched.
func (w *watch) add(c *bareConn) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return net.ErrClosed
	}
	for c.fd >= len(w.conns) {
		w.conns = append(w.conns, make([]*bareConn, 256)...)
	}
	w.conns[c.fd] = c
	// Edges: who was told goes on until it has to wait.
	const edges = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET
	err := w.inner.Add(c.fd, edges)
	if err != nil {
		w.conns[c.fd] = nil
	}
	return err
}

// remove forgets a connection, before it is closed.
func (w *watch) remove(c *bareConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c.fd] = nil
}
