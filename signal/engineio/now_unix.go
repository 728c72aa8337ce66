//go:build unix

package engineio

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// errNotNow is readNow's when there is nothing to read yet.
var errNotNow = errors.New("nothing to read yet")

// rawOf is the connection's socket, nil if it has none of its own.
func rawOf(c net.Conn) syscall.RawConn {
	s, ok := c.(*net.TCPConn) // not any syscall.Conn: what wraps one may do more than read and write
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readNow reads what is there, without waiting.
func readNow(fd uintptr, b []byte) (int, error) {
	for {
		switch n, err := readFD(fd, b); {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, syscall.EAGAIN):
			return 0, errNotNow
		case !errors.Is(err, syscall.EINTR):
			return 0, err
		}
	}
}

// writeNow writes what the socket takes without waiting; errors are as if it took nothing.
func writeNow(fd uintptr, b []byte) int {
	for {
		n, err := writeFD(fd, b)
		if n > 0 {
			return n
		}
		if !errors.Is(err, syscall.EINTR) {
			return 0
		}
	}
}
