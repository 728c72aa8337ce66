package signal

import (
	"sync"
	"time"
)

// limits admit so many joins a minute from one address, and a tenth of a
// minute's at once (a token bucket each).
type limits struct {
	perMinute float64 // 0: all

	mu      sync.Mutex // guards what follows
	buckets map[string]*limit
}

type limit struct {
	tokens float64
	last   time.Time
}

func newLimits(perMinute int) *limits {
	return &limits{perMinute: float64(perMinute), buckets: map[string]*limit{}}
}

func (l *limits) burst() float64 { return max(10, l.perMinute/2) }

func (l *limits) take(ip string) bool {
	if l.perMinute == 0 {
		return true
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[ip]
	if b == nil {
		b = &limit{l.burst(), now}
		l.buckets[ip] = b
	}
	b.tokens = min(l.burst(), b.tokens+now.Sub(b.last).Minutes()*l.perMinute)
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// sweep forgets addresses that have all their tokens again.
func (l *limits) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ip, b := range l.buckets {
		if now.Sub(b.last) > 2*time.Minute {
			delete(l.buckets, ip)
		}
	}
}
