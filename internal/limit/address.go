// Package limit keeps one address from taking more than its share.
package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// ByAddress admits so many things a second from one address (of IPv6: one
// /64), and some at once. It is safe for concurrent use.
type ByAddress struct {
	rate  rate.Limit // 0: all
	burst int

	mu  sync.Mutex // guards what follows
	all map[netip.Addr]*limit
}

type limit struct {
	*rate.Limiter
	last time.Time
}

// known bounds the addresses that are remembered: beyond it, as in a flood
// with made-up senders, unknown ones share one limit.
const known = 20000

// PerMinute admits n a minute, half of them, and at least 10, at once; 0: all.
func PerMinute(n int) *ByAddress { return New(rate.Limit(float64(n)/60), max(10, n/2)) }

// New admits r a second, and burst at once; 0: all.
func New(r rate.Limit, burst int) *ByAddress {
	return &ByAddress{rate: r, burst: burst, all: map[netip.Addr]*limit{}}
}

// Counted is the address that another counts as: of IPv6 the first of its /64,
// since a network has all its addresses.
func Counted(ip netip.Addr) netip.Addr {
	if ip = ip.Unmap(); ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64)
		ip = p.Addr()
	}
	return ip
}

// Prefixes reads networks, as 10.0.0.0/8.
func Prefixes(list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is no network; write one as 10.0.0.0/8", s)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Take says whether one more may be admitted from an address, and counts it.
// All that are no addresses count as one.
func (l *ByAddress) Take(ip netip.Addr) bool {
	if l.rate == 0 {
		return true
	}
	ip = Counted(ip)
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.all[ip]
	if b == nil {
		if len(l.all) >= known {
			ip = netip.Addr{}
		}
		if b = l.all[ip]; b == nil {
			b = &limit{Limiter: rate.NewLimiter(l.rate, l.burst)}
			l.all[ip] = b
		}
	}
	b.last = now
	return b.AllowN(now, 1)
}

// Sweep forgets addresses that have all their tokens again.
func (l *ByAddress) Sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ip, b := range l.all {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.all, ip)
		}
	}
}
