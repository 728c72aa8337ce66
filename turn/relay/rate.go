package relay

import (
	"sync"
	"sync/atomic"
	"time"
)

// Rates bound how much is relayed, in bits of payload a second; 0: no bound.
type Rates struct {
	Allocation, User, Total int64
}

// burst is how much of its rate a flow that was silent may send at once.
const burst = int64(time.Second / 2)

// A bucket lets through so many bits a second. Any goroutine may take from it:
// it is one number that is compared and swapped.
type bucket struct {
	perByte float64      // ns that a byte takes
	spent   atomic.Int64 // up to which time what flowed has been paid, in ns
}

func newBucket(bits int64) *bucket {
	return &bucket{perByte: 8e9 / float64(bits)}
}

// take pays for n bytes at a time in ns that never goes back. A nil bucket has no bound.
func (b *bucket) take(n int, now int64) bool {
	if b == nil {
		return true
	}
	cost := int64(float64(n) * b.perByte)
	for {
		spent := b.spent.Load()
		from := max(spent, now-burst)
		if from > now { // the last packet may have been larger than what was left
			return false
		}
		if b.spent.CompareAndSwap(spent, from+cost) {
			return true
		}
	}
}

// A Meter gives each allocation its Gate. Allocations that pion relays itself
// take theirs from the same meter, so that bounds hold over both.
type Meter struct {
	rates Rates
	start time.Time
	total *bucket

	mu    sync.Mutex
	users map[string]*account // guarded by mu
}

type account struct {
	bucket *bucket
	gates  int
}

// NewMeter makes a meter with these rates.
func NewMeter(r Rates) *Meter {
	m := &Meter{rates: r, start: time.Now(), users: map[string]*account{}}
	if r.Total > 0 {
		m.total = newBucket(r.Total)
	}
	return m
}

// now in ns, for bucket.take. It begins past the first burst.
func (m *Meter) now() int64 { return int64(time.Since(m.start)) + burst }

// bounded tells whether there are bounds at all.
func (m *Meter) bounded() bool { return m != nil && m.rates != (Rates{}) }

// Open makes the gate of an allocation; nil: there are no bounds. Nil-safe.
func (m *Meter) Open(user string) *Gate {
	if !m.bounded() {
		return nil
	}
	g := &Gate{meter: m, user: user, total: m.total}
	if m.rates.Allocation > 0 {
		g.own = newBucket(m.rates.Allocation)
	}
	if m.rates.User > 0 {
		m.mu.Lock()
		defer m.mu.Unlock()
		a := m.users[user]
		if a == nil {
			a = &account{bucket: newBucket(m.rates.User)}
			m.users[user] = a
		}
		a.gates++
		g.shared = a.bucket
	}
	return g
}

// A Gate is the bounds of one allocation. A nil Gate lets all through.
type Gate struct {
	meter              *Meter
	user               string
	own, shared, total *bucket
}

// Pass asks whether a packet of n bytes may be relayed now.
func (g *Gate) Pass(n int) bool {
	if g == nil {
		return true
	}
	return g.pass(n, g.meter.now())
}

// pass takes from the narrowest first: what is refused there costs the others nothing.
func (g *Gate) pass(n int, now int64) bool {
	return g == nil || g.own.take(n, now) && g.shared.take(n, now) && g.total.take(n, now)
}

// Close forgets a user without allocations.
func (g *Gate) Close() {
	if g == nil || g.shared == nil {
		return
	}
	g.meter.mu.Lock()
	defer g.meter.mu.Unlock()
	a := g.meter.users[g.user]
	if a.gates--; a.gates == 0 {
		delete(g.meter.users, g.user)
	}
}
