package relay

import (
	"net"
	"net/netip"
	"time"

	"github.com/pion/turn/v5"
)

// Config of a Plane.
type Config struct {
	// Listen are the UDP addresses that clients talk to; port 0 takes a free
	// one. Give the addresses of the host rather than a wildcard: an answer from
	// a wildcard leaves from whatever address the route prefers.
	Listen []netip.AddrPort
	// Shards is how many loops there are; 0: one per core.
	Shards int
	// Coalesce is how long a busy loop lets packets gather before it handles
	// them together; it adds that much latency at most. 0: never. A loop that
	// expects fewer than three packets in that time does not wait.
	Coalesce time.Duration
	// Ports says where relay sockets are bound.
	Ports Ports
	// Reachable says whether packets may go to a peer whose address has a
	// permission of pion's: what a policy says about ports. Like Ports.Local it is called
	// for packets. nil: to all.
	Reachable func(peer netip.AddrPort) bool
	// TCP makes the sockets of TCP allocations (RFC 6062). nil: none are made.
	TCP turn.RelayAddressGenerator
	// Limiter makes the bounds of an allocation of a user (pion's user id) for a
	// client, which are closed with it. nil: there are none.
	Limiter func(user string, client net.Addr) *RateLimiter
	// Ended is told of each allocation once, before pion's OnAllocationDeleted.
	// It runs under pion's locks, so it must be quick and not call pion.
	Ended func(Usage)
	// ReceiveBuffer of each socket that clients talk to, in bytes; 0: 4 MiB.
	ReceiveBuffer int

	unsteered bool // tests: as on a kernel that takes no program
}

// DefaultConfig has all but Listen and Ports.
func DefaultConfig() Config {
	return Config{Coalesce: 250 * time.Microsecond, ReceiveBuffer: 4 << 20}
}

// Validate says what is missing or out of bounds.
func (c Config) Validate() error {
	switch {
	case len(c.Listen) == 0:
		return errNoListen
	case c.Ports == nil:
		return errNoPorts
	case c.Coalesce < 0 || c.Coalesce > 5*time.Millisecond:
		return errCoalesce
	case c.Shards < 0 || c.Shards > 256:
		return errShards
	}
	return nil
}

// local and public are Ports' for endpoints.
func (c *Config) local(e endpoint) endpoint  { return endpointOf(c.Ports.Local(e.addrPort())) }
func (c *Config) public(e endpoint) endpoint { return endpointOf(c.Ports.Public(e.addrPort())) }

func (c *Config) reachable(e endpoint) bool { return c.Reachable == nil || c.Reachable(e.addrPort()) }

// Ports owns the range of relay ports, and knows how the addresses that relay
// sockets are bound to (local) look from outside (public). Where nothing maps
// addresses, both are the same. Its methods are called from several goroutines;
// Local and Public for packets, so that they must neither lock nor allocate.
type Ports interface {
	// Take reserves an address for an allocation: it calls bind with free ones
	// until bind takes one, and returns an error when none is left.
	Take(conf turn.AllocateListenerConfig, bind func(local netip.AddrPort) error) (local, public netip.AddrPort, err error)
	// Free gives a local address back.
	Free(local netip.AddrPort)
	// Local is what stands behind a public address of the range. Other
	// addresses are returned as they are.
	Local(public netip.AddrPort) netip.AddrPort
	// Public is the reverse of Local.
	Public(local netip.AddrPort) netip.AddrPort
}
