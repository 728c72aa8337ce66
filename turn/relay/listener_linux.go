package relay

// A listener is the loop's side of a socket that clients talk to.
type listener struct {
	conn    *clientConn // pion's side
	clients map[endpoint]*allocation
	last    *allocation // whose packet came last
	out     sendQueue   // its fd is the socket
}

func newListener(c *clientConn) *listener {
	return &listener{conn: c, out: sendQueue{fd: c.fd}, clients: map[endpoint]*allocation{}}
}

// client finds the allocation of a client.
func (l *listener) client(from endpoint) *allocation {
	if l.last != nil && l.last.client == from {
		return l.last
	}
	al := l.clients[from]
	if al != nil {
		l.last = al
	}
	return al
}
