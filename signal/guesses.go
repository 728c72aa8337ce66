package signal

import (
	"net/netip"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

// pace is how many wrong passphrases are allowed at once, and after how long one
// more is.
type pace struct {
	atOnce int
	each   time.Duration
}

// tries are the wrong passphrases of one address, of one room, or of all: how much of
// the pace is used, as of a time.
type tries struct {
	used float64
	at   time.Time
}

// forgive reduces what is used by the time that has passed.
func (t *tries) forgive(p pace, now time.Time) {
	t.used = max(0, t.used-now.Sub(t.at).Seconds()/p.each.Seconds())
	t.at = now
}

// wait is how long until one more is allowed.
func (t *tries) wait(p pace, now time.Time) time.Duration {
	t.forgive(p, now)
	over := t.used + 1 - float64(p.atOnce) // that one included
	return max(0, time.Duration(over*float64(p.each)))
}

// Bounds of what is remembered, and for how long an address that gave the right
// passphrase is not slowed down by the guesses of others.
const (
	mostTries   = 20_000
	trustedTime = 24 * time.Hour
)

// guesses limit how fast passphrases can be guessed. Those of other workers are
// counted too. It is safe for concurrent use.
type guesses struct {
	address, room, total pace

	mu      sync.Mutex // guards what follows; held during a try, so that parallel tries come one after the other
	from    map[netip.Addr]*tries
	rooms   map[string]*tries
	all     tries
	trusted map[netip.Addr]time.Time // addresses that gave the right one, and when
}

// newGuesses allows a few mistakes. Guesses from many addresses, or in many rooms,
// since all have one passphrase, are limited together.
func newGuesses() *guesses {
	return &guesses{
		address: pace{5, 10 * time.Second}, room: pace{20, 2 * time.Second}, total: pace{100, 500 * time.Millisecond},
		from: map[netip.Addr]*tries{}, rooms: map[string]*tries{}, trusted: map[netip.Addr]time.Time{},
	}
}

// try checks a passphrase by right, unless the address has to wait first: then wait
// is for how long, and right is not called.
func (g *guesses) try(from netip.Addr, room string, now time.Time, right func() bool) (ok bool, wait time.Duration) {
	from = limit.Counted(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	wait = triesOf(g.from, from).wait(g.address, now)
	if now.Sub(g.trusted[from]) > trustedTime {
		wait = max(wait, triesOf(g.rooms, room).wait(g.room, now), g.all.wait(g.total, now))
	}
	switch {
	case wait > 0:
		return false, wait
	case right():
		if len(g.trusted) < mostTries {
			g.trusted[from] = now
		}
		return true, 0
	}
	g.wrong(from, room, now)
	return false, 0
}

// heard counts a guess at another worker.
func (g *guesses) heard(from netip.Addr, room string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong(limit.Counted(from), room, now)
}

// wrong counts a guess. Under mu.
func (g *guesses) wrong(from netip.Addr, room string, now time.Time) {
	count(triesOf(g.from, from), g.address, now)
	count(triesOf(g.rooms, room), g.room, now)
	count(&g.all, g.total, now)
}

// triesOf are those of an address or a room. When there are too many, all new ones
// share one.
func triesOf[K comparable](all map[K]*tries, k K) *tries {
	if all[k] == nil && len(all) >= mostTries {
		var none K
		k = none
	}
	if all[k] == nil {
		all[k] = &tries{}
	}
	return all[k]
}

// count counts a guess. Workers that did not know of each other's guesses may allow
// more than there may be at once; up to twice as many count.
func count(t *tries, p pace, now time.Time) {
	t.forgive(p, now)
	t.used = min(t.used+1, 2*float64(p.atOnce))
}

// sweep forgets what no longer limits anybody.
func (g *guesses) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	sweepTries(g.from, g.address, now)
	sweepTries(g.rooms, g.room, now)
	for from, at := range g.trusted {
		if now.Sub(at) > trustedTime {
			delete(g.trusted, from)
		}
	}
}

func sweepTries[K comparable](all map[K]*tries, p pace, now time.Time) {
	for k, t := range all {
		if t.forgive(p, now); t.used == 0 {
			delete(all, k)
		}
	}
}
