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

// fdConn is a TCP connection outside of Go's scheduler: a poller tells when reading
// or writing can go on. One goroutine reads at a time, and one writes.
type fdConn struct {
	fd       int
	poller   *poller
	leave    func()                        // gives back the connection's place (internal/limit)
	readable chan struct{}                 // there may be something to read; holds at most one
	writable atomic.Pointer[chan struct{}] // there may be room to write; nil: no Write waits for it
	ended    atomic.Bool                   // the peer sends no more, or the connection broke: reading tells which
	deadline time.Time                     // of Write

	mu     sync.RWMutex // held while fd is used; guards what follows
	closed bool
}

// limitedConn is a TCP connection that holds a place of its listener's (internal/limit).
type limitedConn interface {
	syscall.Conn
	Detach() (raw *net.TCPConn, leave func())
}

// take takes a TCP connection out of Go's scheduler; c is not to be used any more
// then. nil: it is another kind of connection, and stays as it is.
func (p *poller) take(c net.Conn) *fdConn {
	var t syscall.Conn // not any one: what wraps a connection may do more than read and write
	switch c := c.(type) {
	case *net.TCPConn:
		t = c
	case limitedConn:
		t = c
	default:
		return nil
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	f := &fdConn{poller: p, readable: make(chan struct{}, 1), leave: func() {}}
	if raw.Control(func(fd uintptr) { f.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return nil
	}
	if p.add(f) != nil {
		_ = unix.Close(f.fd)
		return nil
	}
	if held, ok := t.(limitedConn); ok {
		_, f.leave = held.Detach()
	}
	_ = c.Close() // f is the connection now
	return f
}

// onEvents wakes the Read and Write that wait, as far as epoll's events are for them.
func (c *fdConn) onEvents(events uint32) {
	const over = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
	if events&over != 0 {
		c.ended.Store(true)
	}
	if events&(unix.EPOLLIN|over) != 0 {
		wake(c.readable)
	}
	if w := c.writable.Load(); w != nil && events&(unix.EPOLLOUT|over) != 0 {
		wake(*w)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// readNow reads what is there; errNotNow if there is nothing.
func (c *fdConn) readNow(b []byte) (int, error) { return c.now(unix.SYS_RECVFROM, b) }

// writeNow writes what the connection takes; errNotNow if that is nothing.
func (c *fdConn) writeNow(b []byte) (int, error) { return c.now(unix.SYS_SENDTO, b) }

func (c *fdConn) now(call uintptr, b []byte) (int, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	return now(call, c.fd, b)
}

// Read is io.Reader's.
func (c *fdConn) Read(b []byte) (int, error) {
	for {
		n, err := c.readNow(b)
		if !errors.Is(err, errNotNow) {
			return n, err
		}
		<-c.readable
	}
}

// Write is io.Writer's.
func (c *fdConn) Write(b []byte) (n int, err error) {
	writable := make(chan struct{}, 1)
	c.writable.Store(&writable) // before it turns out that there is no room
	defer c.writable.Store(nil)
	timeout := time.NewTimer(time.Until(c.deadline))
	defer timeout.Stop()
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
		case <-writable:
		case <-timeout.C:
			return n, os.ErrDeadlineExceeded
		}
	}
	return n, nil
}

// SetWriteDeadline bounds the Writes that begin after it. It is called by the
// goroutine that writes.
func (c *fdConn) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

// Close ends the connection, also a Read that waits.
func (c *fdConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.poller.remove(c)
	c.onEvents(unix.EPOLLHUP)
	c.leave()
	return unix.Close(c.fd)
}

// now receives or sends without waiting; errNotNow if that is not possible. As
// it never waits, the scheduler is not told: it would take a send of 15 us for
// one that does, and wake another thread to go on, a fifth of all CPU time a
// relayed message. The system calls read and write, which are for files too, cost a
// tenth more.
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
