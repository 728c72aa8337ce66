package engineio

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

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
	inner int      // epoll of the connections
	outer *os.File // epoll of inner
	raw   syscall.RawConn
	over  chan struct{} // closed when run has ended

	mu     sync.Mutex  // guards what follows
	conns  []*bareConn // by file descriptor
	closed bool
}

func newWatch() (*watch, error) {
	inner, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	outer, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		_ = unix.Close(inner)
		return nil, fmt.Errorf("watch connections: %w", err)
	}
	w := &watch{inner: inner, over: make(chan struct{})}
	if err = unix.EpollCtl(outer, unix.EPOLL_CTL_ADD, inner, &unix.EpollEvent{Fd: int32(inner)}); err == nil {
		err = unix.SetNonblock(outer, true) // else Go's scheduler does not take it
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
		_ = unix.Close(inner)
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
		_ = unix.Close(w.inner)
	}
}

func (w *watch) run() {
	defer close(w.over)
	var events [128]unix.EpollEvent
	for {
		switch n := pending(w.inner, events[:]); n {
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
	arm := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(w.inner)}
	var came [1]unix.EpollEvent
	armed := false
	return w.raw.Read(func(outer uintptr) bool {
		if !armed {
			armed = unix.EpollCtl(int(outer), unix.EPOLL_CTL_MOD, w.inner, &arm) == nil
		}
		return pending(int(outer), came[:]) > 0
	}) == nil
}

// wake tells those whom events are for, false when the watch is closed.
func (w *watch) wake(events []unix.EpollEvent) bool {
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
	if err := unix.EpollCtl(w.inner, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: edges, Fd: int32(c.fd)}); err != nil {
		w.conns[c.fd] = nil
		return fmt.Errorf("watch a connection: %w", err)
	}
	return nil
}

// remove forgets a connection, before it is closed.
func (w *watch) remove(c *bareConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c.fd] = nil
}

// pending is what of an epoll is ready now. The scheduler is not told (now).
func pending(ep int, events []unix.EpollEvent) int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}
