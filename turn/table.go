package turn

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/turn/auth"
)

// client is a client's transport address at one of our listeners: what an
// allocation belongs to (the 5-tuple of RFC 8656).
type client struct {
	transport string // "udp", "tcp", "tls" or "dtls"
	at, here  netip.AddrPort
}

// allocation is what the worker knows of one of pion's.
type allocation struct {
	client
	id       string
	account  string // that it counts for
	user     string // the same, as people and events know it
	relay    relayAddress
	opened   time.Time
	traffic  *traffic
	channels map[uint16]bool
	peers    map[netip.Addr]bool
}

// relayAddress is an address that is relayed from, as clients are told.
type relayAddress struct {
	network string // "udp" or "tcp"
	at      netip.AddrPort
}

// table has all allocations of the worker. pion's callbacks keep it. It is
// safe for concurrent use.
type table struct {
	mu      sync.Mutex // guards what follows
	clients map[client]*allocation
	guests  map[netip.Addr]int // allocations of guests, by limit.Counted address
	changed chan struct{}      // closed when an allocation ended, and made anew
}

func newTable() *table {
	return &table{clients: map[client]*allocation{}, guests: map[netip.Addr]int{}, changed: make(chan struct{})}
}

func (t *table) opened(c client, account string, relay relayAddress, traffic *traffic) allocation {
	user, guest := auth.GuestOf(account)
	a := &allocation{client: c, id: nuid.Next(), account: account, user: user, relay: relay, opened: time.Now(), traffic: traffic}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients[c] = a
	if guest {
		t.guests[limit.Counted(c.at.Addr())]++
	}
	return *a
}

func (t *table) closed(c client) (a allocation, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.clients[c]
	if was == nil {
		return a, false
	}
	delete(t.clients, c)
	if _, guest := auth.GuestOf(was.account); guest {
		at := limit.Counted(c.at.Addr())
		if t.guests[at]--; t.guests[at] == 0 {
			delete(t.guests, at)
		}
	}
	close(t.changed)
	t.changed = make(chan struct{})
	return *was, true
}

// owner is the account of a client's allocation.
func (t *table) owner(c client) (account string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.clients[c]; a != nil {
		return a.account, true
	}
	return "", false
}

// guestsAt is how many allocations guests have from an address (limit.Counted).
func (t *table) guestsAt(ip netip.Addr) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.guests[ip]
}

// count is how many there are. closed tells of the next end of one.
func (t *table) count() (n int, closed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.clients), t.changed
}

// of lists the addresses that a user relays from.
func (t *table) of(user string) (all []relayAddress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.clients {
		if a.user == user {
			all = append(all, a.relay)
		}
	}
	return all
}

// meeting lists the addresses that relay to a peer which is not permitted (any more).
func (t *table) meeting(permitted func(netip.Addr) bool) (all []relayAddress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.clients {
		for p := range a.peers {
			if !permitted(p) {
				all = append(all, a.relay)
				break
			}
		}
	}
	return all
}

// all lists the addresses that anybody relays from.
func (t *table) all() (all []relayAddress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.clients {
		all = append(all, a.relay)
	}
	return all
}

// byTransport counts the allocations of each transport.
func (t *table) byTransport() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := map[string]int{}
	for c := range t.clients {
		all[c.transport]++
	}
	return all
}

// permission notes that there is one, or no longer.
func (t *table) permission(c client, peer netip.Addr, there bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.clients[c]; a != nil {
		a.peers = note(a.peers, peer, there)
	}
}

// channel notes that there is one, or no longer.
func (t *table) channel(c client, number uint16, there bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.clients[c]; a != nil {
		a.channels = note(a.channels, number, there)
	}
}

func note[K comparable](m map[K]bool, k K, there bool) map[K]bool {
	if !there {
		delete(m, k)
		return m
	}
	if m == nil {
		m = map[K]bool{}
	}
	m[k] = true
	return m
}

// fits says whether a client may have permissions for more peers, and a channel.
func (t *table) fits(c client, peers []netip.AddrPort, channel uint16, maxPeers, maxChannels int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.clients[c]
	if a == nil {
		return true // refused for that
	}
	more := map[netip.Addr]bool{}
	for _, p := range peers {
		if ip := p.Addr(); !a.peers[ip] {
			more[ip] = true
		}
	}
	return len(a.peers)+len(more) <= maxPeers && (channel == 0 || a.channels[channel] || len(a.channels) < maxChannels)
}

// addrPort is the address of pion's net.Addr, IPv4 as such.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// family is that of the address: 4 or 6.
func (a allocation) family() int {
	if a.relay.at.Addr().Is4() {
		return 4
	}
	return 6
}
