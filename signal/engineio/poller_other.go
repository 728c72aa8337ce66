//go:build !linux

package engineio

import (
	"net"
	"sync/atomic"
	"time"
)

// poller is for Linux. Elsewhere connections are read and written as Go does it.
type poller struct{}

func newPoller() (*poller, error) { return &poller{}, nil }

func (*poller) close() {}

func (*poller) take(net.Conn) *fdConn { return nil }

// fdConn is for Linux: here there is never one.
type fdConn struct {
	readable chan struct{}
	ended    atomic.Bool
}

func (*fdConn) readNow([]byte) (int, error)  { return 0, errNotNow }
func (*fdConn) writeNow([]byte) (int, error) { return 0, errNotNow }

// Read implements io.Reader.
func (*fdConn) Read([]byte) (int, error) { return 0, errNotNow }

// Write implements io.Writer.
func (*fdConn) Write([]byte) (int, error) { return 0, errNotNow }

// SetWriteDeadline implements net.Conn.
func (*fdConn) SetWriteDeadline(time.Time) error { return nil }

// Close implements io.Closer.
func (*fdConn) Close() error { return nil }
