package socket

import (
	"net"
	"syscall"
)

// Unsent is how many bytes wait in the system to be sent on a connection, at
// most; those that are on their way come on top, as many as the network takes.
const Unsent = 128 << 10

// BoundUnsent makes a listener whose TCP connections keep no more than Unsent
// bytes to be sent, where the system can (Linux). Without it some megabytes lie
// there, and when a third of them is gone the system takes more: the writer
// cannot tell a receiver that is slow from one that takes nothing for a minute.
func BoundUnsent(l net.Listener) net.Listener { return bounded{l} }

type bounded struct{ net.Listener }

// Accept implements net.Listener. The option is each connection's: one of the
// listener is not handed down, as those of Go are of Multipath TCP.
func (b bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			_ = raw.Control(boundUnsent) // without it slow receivers are let go of too early, no more
		}
	}
	return c, nil
}
