package limit

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// silenceOf is how long ago a connection last sent or received data. The
// kernel knows, so that nobody has to count on the way.
func silenceOf(c *net.TCPConn) (silent time.Duration) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			silent = time.Duration(min(info.Last_data_recv, info.Last_data_sent)) * time.Millisecond
		}
	})
	return silent
}
