package relay

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Bound limits how much payload is relayed, both directions together.
type Bound struct {
	Limit string        // its name, by which what it refused is counted (Meter.Refused)
	Of    string        // what shares it: all limiters that name the same; empty: the limiter has it alone
	Rate  float64       // bytes a second in the long run; 0: no bound
	Burst time.Duration // a sender that was silent for so long may send what that earned at once; at most LongestBurst
}

// LongestBurst is the longest that a Bound may save up.
const LongestBurst = 24 * time.Hour

// BitsPerSecond is a bound of so many bits a second, half of them at once.
func BitsPerSecond(limit, of string, bits int64) Bound {
	return Bound{limit, of, float64(bits) / 8, time.Second / 2}
}

// BytesPerDay is a bound of so many bytes at once and then within each day:
// once they are used up, what is left is that rate.
func BytesPerDay(limit, of string, bytes int64) Bound {
	return Bound{limit, of, float64(bytes) / LongestBurst.Seconds(), LongestBurst}
}

// A bucket lets through so many bytes a second. Any goroutine may take from it:
// it is one number that is compared and swapped.
type bucket struct {
	perByte float64        // ns that a byte takes
	burst   int64          // ns
	spent   atomic.Int64   // up to which time what flowed has been paid, in ns
	refused *atomic.Uint64 // packets

	holders int // limiters that share it; guarded by Meter.mu
}

// take pays for n bytes at a time in ns that never goes back.
func (b *bucket) take(n int, now int64) bool {
	cost := int64(float64(n) * b.perByte)
	for {
		spent := b.spent.Load()
		from := max(spent, now-b.burst)
		if from > now { // the last packet may have been larger than what was left
			return false
		}
		if b.spent.CompareAndSwap(spent, from+cost) {
			return true
		}
	}
}

// full says whether it has all that it may save up: a new one is no better.
func (b *bucket) full(now int64) bool { return b.spent.Load() <= now-b.burst }

// shared names a bucket that several limiters have.
type shared struct{ limit, of string }

// mostShared bounds the buckets that a Meter remembers: beyond it, new
// users share one.
const mostShared = 100_000

// A Meter makes the limiters of allocations, those too that pion relays itself,
// so that what they share holds over all. It is safe for concurrent use.
type Meter struct {
	start time.Time

	mu      sync.Mutex // guards what follows
	shared  map[shared]*bucket
	refused map[string]*atomic.Uint64 // by limit
}

// NewMeter makes one without buckets.
func NewMeter() *Meter {
	return &Meter{start: time.Now(), shared: map[shared]*bucket{}, refused: map[string]*atomic.Uint64{}}
}

// now in ns, for bucket.take. It begins past the longest burst.
func (m *Meter) now() int64 { return int64(time.Since(m.start) + LongestBurst) }

// Open makes a limiter with these bounds, the narrowest first; nil: there are
// none. Close it.
func (m *Meter) Open(bounds ...Bound) *RateLimiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &RateLimiter{meter: m, ahead: mostAhead}
	for _, b := range bounds {
		if b.Rate <= 0 {
			continue
		}
		k := shared{b.Limit, b.Of}
		have := m.shared[k]
		if have == nil && b.Of != "" && len(m.shared) >= mostShared {
			k.of = "" // together with others
			have = m.shared[k]
		}
		if have == nil {
			have = &bucket{perByte: float64(time.Second) / b.Rate, burst: int64(min(b.Burst, LongestBurst)), refused: m.count(b.Limit)}
			if b.Of != "" {
				m.shared[k] = have
			}
		}
		have.holders++
		l.buckets = append(l.buckets, have)
		l.ahead = min(l.ahead, int(b.Rate*aheadTime.Seconds()))
	}
	if len(l.buckets) == 0 {
		return nil
	}
	return l
}

// count is where what a limit refuses is counted. Under mu.
func (m *Meter) count(limit string) *atomic.Uint64 {
	n := m.refused[limit]
	if n == nil {
		n = new(atomic.Uint64)
		m.refused[limit] = n
	}
	return n
}

// Refused is how many packets each limit refused so far. Packets of a flow
// that is over are all counted, those of TCP each time they are tried again.
func (m *Meter) Refused() map[string]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]uint64, len(m.refused))
	for limit, n := range m.refused {
		all[limit] = n.Load()
	}
	return all
}

// Spent says whether what a bound allows is used up, for now.
func (m *Meter) Spent(limit, of string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.shared[shared{limit, of}]
	return b != nil && b.spent.Load() > m.now()
}

// Sweep forgets full buckets that no limiter has.
func (m *Meter) Sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for k, b := range m.shared {
		if b.holders == 0 && b.full(now) {
			delete(m.shared, k)
		}
	}
}

// A RateLimiter is the bounds of one allocation, token buckets. A nil one lets all
// through. Pass is safe for concurrent use.
type RateLimiter struct {
	meter   *Meter
	buckets []*bucket
	ahead   int // bytes that a ration takes in advance
}

// What a ration takes in advance: what its limiter may relay in aheadTime, and not
// more than mostAhead bytes.
const (
	aheadTime = 4 * time.Millisecond
	mostAhead = 32 << 10
)

// Pass asks whether a packet of n bytes may be relayed now.
func (l *RateLimiter) Pass(n int) bool { return l == nil || l.pass(n, l.meter.now()) }

// pass takes from the narrowest first: what is refused there costs the others nothing.
func (l *RateLimiter) pass(n int, now int64) bool {
	for _, b := range l.buckets {
		if !b.take(n, now) {
			b.refused.Add(1)
			return false
		}
	}
	return true
}

// Close gives back what the limiter shares. What was used of it is remembered
// until it would be there again (Meter.Sweep).
func (l *RateLimiter) Close() {
	if l == nil {
		return
	}
	l.meter.mu.Lock()
	defer l.meter.mu.Unlock()
	for _, b := range l.buckets {
		b.holders--
	}
}

// A ration is what one goroutine took from a limiter in advance, so that a packet
// costs it a comparison and a subtraction, and neither the clock nor memory
// that others write to.
type ration struct {
	limiter *RateLimiter
	left    int // bytes
}

// newRation of a limiter; of none it never ends.
func newRation(l *RateLimiter) ration {
	if l == nil {
		return ration{left: math.MaxInt}
	}
	return ration{limiter: l}
}

// pass asks whether a packet of n bytes may be relayed now.
func (r *ration) pass(n int) bool {
	if n <= r.left {
		r.left -= n
		return true
	}
	return r.fetch(n)
}

func (r *ration) fetch(n int) bool {
	if r.limiter == nil { // an allocation before pion told of it, or one that relayed for ages
		*r = newRation(nil)
		return true
	}
	if !r.limiter.Pass(n - r.left + r.limiter.ahead) {
		return false
	}
	r.left = r.limiter.ahead
	return true
}
