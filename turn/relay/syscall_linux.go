package relay

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The loop's system calls are raw: Go's scheduler is not told of them. None of
// them blocks, but for the waits of a loop that has a P of its own.

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32 // received, or sent
}

func recvmmsg(fd int, h []mmsghdr) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&h[0])), uintptr(len(h)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), err
}

func sendmmsg(fd int, h []mmsghdr) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&h[0])), uintptr(len(h)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), err
}

func sendto(fd int, p *byte, n int, to *sockaddr) syscall.Errno {
	_, _, err := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(p)), uintptr(n), unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&to.b)), uintptr(to.n))
	return err
}

func rawBind(fd int, to *sockaddr) error {
	if _, _, err := syscall.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&to.b)), uintptr(to.n)); err != 0 {
		return err
	}
	return nil
}

// nap sleeps on this thread.
func nap(ts *unix.Timespec) {
	syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(ts)), 0, 0)
}
