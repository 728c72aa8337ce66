package relay

import (
	"net"
	"sync"
)

// A datagram is a packet that a loop has for pion.
type datagram struct {
	b    [largest]byte
	n    int
	addr net.Addr
}

// datagrams are those that are not in use.
type datagrams struct{ pool sync.Pool }

func newDatagrams() *datagrams {
	return &datagrams{pool: sync.Pool{New: func() any { return new(datagram) }}}
}

// put copies a packet into a queue that pion reads; false: it is full.
func (d *datagrams) put(queue chan<- *datagram, b []byte, from net.Addr) bool {
	g := d.pool.Get().(*datagram)
	g.n, g.addr = copy(g.b[:], b), from
	select {
	case queue <- g:
		return true
	default:
		d.pool.Put(g)
		return false
	}
}

// take copies a packet out for pion.
func (d *datagrams) take(g *datagram, b []byte) (int, net.Addr, error) {
	n, addr := copy(b, g.b[:g.n]), g.addr
	g.addr = nil
	d.pool.Put(g)
	return n, addr, nil
}
