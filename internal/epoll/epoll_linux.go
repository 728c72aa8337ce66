// Package epoll is Linux's epoll (epoll(7)) for loops that wait for many sockets by
// themselves, past Go's scheduler. Its system calls are raw: the scheduler is not
// told of them, but for Wait. Nothing allocates.
package epoll

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Event is what one file descriptor is ready for: Fd, and a set of unix.EPOLL*.
type Event = unix.EpollEvent

// Set is the file descriptor of an epoll. One at a time waits; Add and Modify may be
// called by anyone meanwhile.
type Set int

// New makes a set. It is not inherited by programs that the process starts.
func New() (Set, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("epoll: %w", err)
	}
	return Set(fd), nil
}

// Add watches a file descriptor for a set of unix.EPOLL*, until it is closed.
func (s Set) Add(fd int, events uint32) error { return s.control(unix.EPOLL_CTL_ADD, fd, events) }

// Modify changes what a file descriptor is watched for. If that is so already, it is
// reported again: also an edge that was reported before, or EPOLLONESHOT's.
func (s Set) Modify(fd int, events uint32) error { return s.control(unix.EPOLL_CTL_MOD, fd, events) }

func (s Set) control(op, fd int, events uint32) error {
	e := Event{Events: events, Fd: int32(fd)}
	if err := unix.EpollCtl(int(s), op, fd, &e); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

// Poll fills events with what is ready, waiting up to ms milliseconds on this thread,
// which keeps its P, and returns how many there are; 0 after an error too. events must
// not be empty.
func (s Set) Poll(events []Event, ms int) int {
	n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(ms), 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// Wait is Poll without end. Other goroutines may have the P meanwhile.
func (s Set) Wait(events []Event) int {
	n, _, err := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(s), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0, 0)
	if err != 0 {
		return 0
	}
	return int(n)
}

// Close releases the set. Nobody may wait any more.
func (s Set) Close() error { return unix.Close(int(s)) }
