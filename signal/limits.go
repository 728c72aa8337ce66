package signal

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits admit so many joins a minute from one address, and half of a minute's,
// at least 10, at once.
type limits struct {
	perMinute int // 0: all

	mu  sync.Mutex // guards what follows
	all map[string]*limit
}

type limit struct {
	*rate.Limiter
	last time.Time
}

func newLimits(perMinute int) *limits {
	return &limits{perMinute: perMinute, all: map[string]*limit{}}
}

func (l *limits) take(ip string) bool {
	if l.perMinute == 0 {
		return true
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.all[ip]
	if b == nil {
		b = &limit{Limiter: rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), max(10, l.perMinute/2))}
		l.all[ip] = b
	}
	b.last = now
	return b.AllowN(now, 1)
}

// sweep forgets addresses that have all their tokens again.
func (l *limits) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ip, b := range l.all {
		if now.Sub(b.last) > 2*time.Minute {
			delete(l.all, ip)
		}
	}
}
