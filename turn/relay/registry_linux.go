package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// A registry is the relays of a Plane, by the addresses that their clients were told.
type registry struct {
	mu     sync.Mutex
	relays map[netip.AddrPort]*relayConn // guarded by mu
	closed bool                          // guarded by mu
}

func newRegistry() *registry { return &registry{relays: map[netip.AddrPort]*relayConn{}} }

// find returns nil if there is none at this address.
func (r *registry) find(public netip.AddrPort) *relayConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relays[public]
}

func (r *registry) add(c *relayConn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return net.ErrClosed
	}
	if r.relays[c.al.public] != nil {
		return errors.New("two relays at one address: look at what Ports.Take gives")
	}
	r.relays[c.al.public] = c
	return nil
}

func (r *registry) remove(c *relayConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.relays[c.al.public] == c {
		delete(r.relays, c.al.public)
	}
}

// close closes all relays and takes no more; false: it was closed before.
func (r *registry) close() bool {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return false
	}
	r.closed = true
	var left []*relayConn
	for _, c := range r.relays {
		left = append(left, c)
	}
	r.mu.Unlock()
	for _, c := range left {
		_ = c.Close()
	}
	return true
}
