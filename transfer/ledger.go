package transfer

import "sync"

// ledger knows what each owner's files take: of those that are announced, as
// much as was announced; of those whose length nobody knows, what came. Several
// workers on one store each keep their own, and learn of each other's files
// when they sweep.
type ledger struct {
	cfg Config

	mu      sync.Mutex // guards what follows
	entries map[string]entry
	owners  map[string]int64
	total   int64
	dropped map[string]bool // since the last but one sweep: who read of one before learns it late
	earlier map[string]bool // those of them from before the last sweep
}

// entry is one upload.
type entry struct {
	owner  string
	bytes  int64
	making bool // it is not in the store yet
	grows  bool // somebody here writes to it and books what comes
}

func newLedger(cfg Config) *ledger {
	return &ledger{cfg: cfg, entries: map[string]entry{}, owners: map[string]int64{}, dropped: map[string]bool{}}
}

// reserve books an upload that is to be made, if it fits: else errQuota or
// errTooMany. Then comes made, or drop.
func (l *ledger) reserve(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= l.cfg.MaxFiles {
		return errTooMany
	}
	if bytes > l.left(owner) {
		return errQuota
	}
	l.put(name, entry{owner: owner, bytes: bytes, making: true})
	return nil
}

// made says that an upload is in the store.
func (l *ledger) made(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[name]; ok {
		e.making = false
		l.entries[name] = e
	}
}

// grow books that an upload takes more than before, if that fits.
func (l *ledger) grow(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes-l.entries[name].bytes > l.left(owner) {
		return errQuota
	}
	l.put(name, entry{owner: owner, bytes: bytes})
	return nil
}

// begin says that what comes of an upload is booked by take, from what is there
// on, until end.
func (l *ledger) begin(name, owner string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(name, entry{owner: owner, bytes: bytes, grows: true})
}

// take books up to so many bytes more of an upload; it says how many fit.
func (l *ledger) take(name string, bytes int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[name]
	if !ok {
		return 0
	}
	bytes = min(bytes, l.left(e.owner))
	e.bytes += bytes
	l.put(name, e)
	return bytes
}

// end books what is there of an upload after begin.
func (l *ledger) end(name string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[name]; ok {
		l.put(name, entry{owner: e.owner, bytes: bytes})
	}
}

// learn books what a sweep found, whatever it takes; who writes to an upload
// here knows better, and one that was dropped meanwhile is gone.
func (l *ledger) learn(name, owner string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[name].grows || l.dropped[name] || l.earlier[name] {
		return
	}
	l.put(name, entry{owner: owner, bytes: bytes})
}

// give has an upload count as another owner's.
func (l *ledger) give(name, owner string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[name]; ok {
		e.owner = owner
		l.put(name, e)
	}
}

// drop forgets an upload, for good.
func (l *ledger) drop(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(name)
	l.dropped[name] = true
}

// absent forgets an upload that the store did not list.
func (l *ledger) absent(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(name)
}

// swept says that a sweep is done: what it read of is learnt.
func (l *ledger) swept() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped, l.earlier = map[string]bool{}, l.dropped
}

// known lists the uploads that are booked and in the store, and whose they are.
func (l *ledger) known() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, len(l.entries))
	for name, e := range l.entries {
		if !e.making {
			all[name] = e.owner
		}
	}
	return all
}

// sums are how many uploads there are, and what they take.
func (l *ledger) sums() (files int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries), l.total
}

func (l *ledger) left(owner string) int64 {
	left := int64(1) << 62
	if l.cfg.TotalQuota > 0 {
		left = l.cfg.TotalQuota - l.total
	}
	if l.cfg.OwnerQuota > 0 {
		left = min(left, l.cfg.OwnerQuota-l.owners[owner])
	}
	return max(0, left)
}

func (l *ledger) put(name string, e entry) {
	l.remove(name)
	l.entries[name] = e
	l.owners[e.owner] += e.bytes
	l.total += e.bytes
}

func (l *ledger) remove(name string) {
	e, ok := l.entries[name]
	if !ok {
		return
	}
	delete(l.entries, name)
	l.total -= e.bytes
	if l.owners[e.owner] -= e.bytes; l.owners[e.owner] == 0 {
		delete(l.owners, e.owner)
	}
}
