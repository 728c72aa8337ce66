package turn

import (
	"net/netip"
	"sync"
	"time"
)

// reservations are the ports next to allocations that asked for a pair (RFC
// 8656 7.2: EVEN-PORT, RESERVATION-TOKEN). Nobody else gets them meanwhile, and a client may
// come back on another socket. They are safe for concurrent use.
type reservations struct {
	life time.Duration // of one

	mu  sync.Mutex // guards all
	all map[string]*reservation
}

type reservation struct {
	at    netip.AddrPort // local
	until *time.Timer
	given func() // has it given back
}

// reserved is how long a reservation is good.
const reserved = 30 * time.Second

func newReservations() *reservations {
	return &reservations{life: reserved, all: map[string]*reservation{}}
}

// keep keeps an address under a token; given is called when nobody came for it, or another
// is kept under the token.
func (r *reservations) keep(token string, at netip.AddrPort, given func()) {
	kept := &reservation{at: at, given: given}
	r.mu.Lock()
	was := r.all[token]
	r.all[token] = kept
	kept.until = time.AfterFunc(r.life, func() {
		if r.remove(token, kept) {
			given()
		}
	})
	r.mu.Unlock()
	if was != nil {
		was.until.Stop() // if it fires, it finds another
		was.given()
	}
}

// remove forgets a reservation; false: it is gone.
func (r *reservations) remove(token string, kept *reservation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[token] != kept {
		return false
	}
	delete(r.all, token)
	return true
}

// at is the address of a token. false: there is none.
func (r *reservations) at(token string) (netip.AddrPort, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.all[token]; kept != nil {
		return kept.at, true
	}
	return netip.AddrPort{}, false
}

// take gives the address of a token, once. false: there is none.
func (r *reservations) take(token string) (netip.AddrPort, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.all[token]
	if kept == nil {
		return netip.AddrPort{}, false
	}
	kept.until.Stop()
	delete(r.all, token)
	return kept.at, true
}
