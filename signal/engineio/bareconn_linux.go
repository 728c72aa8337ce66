package engineio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bareConn is a TCP connection without Go's scheduler: a watch tells when
// reading or writing can go on. One at a time reads, and one writes.
type bareConn struct {
	fd    int
	watch *watch
	leave func()                        // gives back the place at the door it came through
	ready chan struct{}                 // there may be something to read; holds at most one
	room  atomic.Pointer[chan struct{}] // there may be room to write; nil: nobody waits for it
	ended atomic.Bool                   // the peer sends no more, or the connection broke: reading tells
	until time.Time                     // when Write gives up

	mu     sync.RWMutex // held while fd is used; guards what follows
	closed bool
}

// counted is a connection of TCP that holds a place at the door it came
// through (internal/limit).
type counted interface {
	syscall.Conn
	Detach() (raw *net.TCPConn, leave func())
}

// bare takes a connection out of Go's scheduler; nil: it is none of TCP, and
// stays as it is.
func (w *watch) bare(c net.Conn) *bareConn {
	var t syscall.Conn // not any one: what wraps a connection may do more than read and write
	switch c := c.(type) {
	case *net.TCPConn:
		t = c
	case counted:
		t = c
	default:
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	b := &bareConn{watch: w, ready: make(chan struct{}, 1), leave: func() {}}
	if raw.Control(func(fd uintptr) { b.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return nil
	}
	if w.add(b) != nil {
		_ = unix.Close(b.fd)
		return nil
	}
	if held, ok := t.(counted); ok {
		_, b.leave = held.Detach()
	}
	_ = c.Close() // b is the connection now
	return b
}

// call has them go on for whom an epoll's events are.
func (c *bareConn) call(events uint32) {
	const over = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	if events&over != 0 {
		c.ended.Store(true)
	}
	if events&(unix.EPOLLIN|over) != 0 {
		tell(c.ready)
	}
	if room := c.room.Load(); room != nil && events&(unix.EPOLLOUT|over) != 0 {
		tell(*room)
	}
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// readNow reads what is there; errNotNow if there is nothing.
func (c *bareConn) readNow(b []byte) (int, error) { return c.now(unix.SYS_RECVFROM, b) }

// writeNow writes what the connection takes; errNotNow if that is nothing.
func (c *bareConn) writeNow(b []byte) (int, error) { return c.now(unix.SYS_SENDTO, b) }

func (c *bareConn) now(call uintptr, b []byte) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	return now(call, c.fd, b)
}

// Read is io.Reader's.
func (c *bareConn) Read(b []byte) (int, error) {
	for {
		n, err := c.readNow(b)
		if !errors.Is(err, errNotNow) {
			return n, err
		}
		<-c.ready
	}
}

// Write is io.Writer's.
func (c *bareConn) Write(b []byte) (n int, err error) {
	room := make(chan struct{}, 1)
	c.room.Store(&room) // before it turns out that there is none
	defer c.room.Store(nil)
	late := time.NewTimer(time.Until(c.until))
	defer late.Stop()
	for n < len(b) {
		m, err := c.writeNow(b[n:])
		n += m
		if err == nil {
			continue
		}
		if !errors.Is(err, errNotNow) {
			return n, err
		}
		select {
		case <-room:
		case <-late.C:
			return n, os.ErrDeadlineExceeded
		}
	}
	return n, nil
}

// SetWriteDeadline bounds each Write from now on. Who writes sets it before.
func (c *bareConn) SetWriteDeadline(t time.Time) error {
	c.until = t
	return nil
}

// Close ends the connection, also a Read that waits.
func (c *bareConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.watch.remove(c)
	c.call(unix.EPOLLHUP)
	c.leave()
	return unix.Close(c.fd)
}

// now receives or sends without waiting; errNotNow if that is not possible. As
// it never waits, the scheduler is not told: it would take a send of 15 us for
// one that does, and wake another thread to go on, a fifth of all CPU time a
// relayed message. As read and write, which are for files too, a tenth more.
func now(call uintptr, fd int, b []byte) (int, error) {
	const flags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL
	for {
		n, _, err := syscall.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return 0, errNotNow
		case err != 0:
			return 0, err
		case n == 0 && call == unix.SYS_RECVFROM:
			return 0, io.EOF
		default:
			return int(n), nil
		}
	}
}
