package engineio

import (
	"syscall"
	"unsafe"
)

// The sockets never wait, so the scheduler is not told of these calls. It
// would take a write of 15 us for one that waits, and wake another thread to
// go on: a fifth of all CPU time a relayed message.

func readFD(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_READ, fd, b) }

func writeFD(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_WRITE, fd, b) }

func rawCall(call, fd uintptr, b []byte) (int, error) {
	n, _, err := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}
