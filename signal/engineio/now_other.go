//go:build !unix

package engineio

import (
	"errors"
	"net"
	"syscall"
)

var errNotNow = errors.New("nothing to read yet")

// rawOf is nil: here connections are read and written by waiting for them.
func rawOf(net.Conn) syscall.RawConn { return nil }

func readNow(uintptr, []byte) (int, error) { return 0, errNotNow }

func writeNow(uintptr, []byte) int { return 0 }
