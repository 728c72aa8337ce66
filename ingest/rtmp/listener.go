package rtmp

import (
	"crypto/tls"
	"net"
)

// listener accepts publishers' connections. limit.Connections below it counts them; its
// Accept returns an error only once it is closed: go-rtmp's server would spin
// on any other.
type listener struct {
	net.Listener
	tls  *tls.Config // nil: plain
	wrap func(net.Conn) net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		c = tls.Server(c, l.tls)
	}
	return l.wrap(c), nil
}
