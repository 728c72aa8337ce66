//go:build !linux

package engineio

import (
	"net"
	"sync/atomic"
	"time"
)

// watch is for Linux. Here connections are read and written as Go does it.
type watch struct{}

func newWatch() (*watch, error) { return &watch{}, nil }

func (*watch) close() {}

func (*watch) bare(net.Conn) *bareConn { return nil }

// bareConn is what there is none of here.
type bareConn struct {
	ready chan struct{}
	ended atomic.Bool
}

func (*bareConn) readNow([]byte) (int, error)      { return 0, errNotNow }
func (*bareConn) writeNow([]byte) (int, error)     { return 0, errNotNow }
func (*bareConn) Read([]byte) (int, error)         { return 0, errNotNow }
func (*bareConn) Write([]byte) (int, error)        { return 0, errNotNow }
func (*bareConn) SetWriteDeadline(time.Time) error { return nil }
func (*bareConn) Close() error                     { return nil }
