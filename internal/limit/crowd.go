package limit

import (
	"errors"
	"net/netip"
	"sync"
)

// Why a Crowd takes nobody in.
var (
	ErrFull  = errors.New("all places are taken")
	ErrShare = errors.New("this address has its share of the places")
)

// A Crowd counts what is held, in all and by address (of IPv6: by /64). What
// it remembers is bounded by what is held. It is safe for concurrent use.
type Crowd struct {
	most, share int

	mu  sync.Mutex // guards what follows
	all int
	by  map[netip.Addr]int
}

// NewCrowd has so many places, and so many of them for one address; 0: no limit of its own.
func NewCrowd(most, share int) *Crowd {
	return &Crowd{most: most, share: share, by: map[netip.Addr]int{}}
}

// Enter takes a place for an address, or says with ErrFull or ErrShare why it
// has none. leave gives it back; more than once does no harm. All that are no
// addresses count as one.
func (c *Crowd) Enter(ip netip.Addr) (leave func(), err error) {
	return c.enter(Counted(ip), c.share)
}

func (c *Crowd) enter(ip netip.Addr, share int) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case share > 0 && c.by[ip] >= share:
		return nil, ErrShare
	case c.all >= c.most:
		return nil, ErrFull
	}
	c.all++
	c.by[ip]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.by[ip]--; c.by[ip] == 0 {
			delete(c.by, ip)
		}
	}), nil
}

// Len is how many places are taken.
func (c *Crowd) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}
