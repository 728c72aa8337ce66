package turn

import (
	"net/netip"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

// reservations are the ports next to allocations that asked for a pair (RFC
// 8656 7.2: EVEN-PORT, RESERVATION-TOKEN). Pion knows those of one socket; a
// client may come back on another. They are safe for concurrent use.
type reservations struct {
	mu  sync.Mutex // guards all
	all map[string]reservation
}

type reservation struct {
	at    netip.AddrPort
	until time.Time
}

// reserved is how long a reservation is good.
const reserved = 30 * time.Second

func newReservations() *reservations { return &reservations{all: map[string]reservation{}} }

// note remembers what a success says of the port that comes next.
func (r *reservations) note(m *stun.Message, now time.Time) {
	token, err := m.Get(stun.AttrReservationToken)
	var at stun.XORMappedAddress
	if err != nil || at.GetFromAs(m, stun.AttrXORRelayedAddress) != nil {
		return
	}
	ip, _ := netip.AddrFromSlice(at.IP)
	r.mu.Lock()
	defer r.mu.Unlock()
	for t, other := range r.all {
		if now.After(other.until) {
			delete(r.all, t)
		}
	}
	r.all[string(token)] = reservation{netip.AddrPortFrom(ip.Unmap(), uint16(at.Port+1)), now.Add(reserved)}
}

// take gives the address of a token, once. false: there is none.
func (r *reservations) take(token []byte, now time.Time) (at netip.AddrPort, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.all[string(token)]
	delete(r.all, string(token))
	return found.at, ok && now.Before(found.until)
}
