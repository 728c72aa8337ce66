package turn

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits admit so many things a second from one address (of IPv6: one /64),
// and some at once. They are safe for concurrent use.
type limits struct {
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

func newLimits(r rate.Limit, burst int) *limits {
	return &limits{rate: r, burst: burst, all: map[netip.Addr]*limit{}}
}

func (l *limits) take(ip netip.Addr) bool {
	if l.rate == 0 {
		return true
	}
	if ip = ip.Unmap(); ip.Is6() {
		p, _ := ip.WithZone("").Prefix(64)
		ip = p.Addr()
	}
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

// sweep forgets addresses that have all their tokens again.
func (l *limits) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ip, b := range l.all {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.all, ip)
		}
	}
}

// balance keeps the relay from being an amplifier: over UDP, where senders may
// be made up, no more bytes are answered without credentials than came in, but
// for an allowance that newcomers need.
type balance struct {
	mu     sync.Mutex // guards what follows
	bytes  float64
	filled time.Time
}

// The allowance: about 100 newcomers a second, and some at once. Answers are
// charged with more than they are, so that in a flood that lasts less goes out
// than comes in, the allowance included.
const (
	charged        = 1.5
	allowance      = 16 << 10 // bytes a second
	allowanceBurst = 64 << 10
	longestRefusal = 160 // bytes of an answer, at most
)

func newBalance() *balance { return &balance{bytes: allowanceBurst, filled: time.Now()} }

// received notes a message and says whether its sender may be answered.
func (b *balance) received(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.bytes = min(allowanceBurst, b.bytes+float64(n)+now.Sub(b.filled).Seconds()*allowance)
	b.filled = now
	return b.bytes >= longestRefusal
}

// answered notes an answer.
func (b *balance) answered(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes -= charged * float64(n)
}
