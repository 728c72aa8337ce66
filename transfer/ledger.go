package transfer

import "sync"

// ledger knows what each owner's files take: of those that are announced, as
// much as was announced. Several workers on one store each keep their own, and
// learn of each other's files when they sweep.
type ledger struct {
	cfg Config

	mu      sync.Mutex // guards what follows
	entries map[string]entry
	owners  map[string]int64
	total   int64
}

// entry is one upload.
type entry struct {
	owner string
	bytes int64
}

func newLedger(cfg Config) *ledger {
	return &ledger{cfg: cfg, entries: map[string]entry{}, owners: map[string]int64{}}
}

// reserve books a new upload, if it fits: else errQuota or errTooMany.
func (l *ledger) reserve(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= l.cfg.MaxFiles {
		return errTooMany
	}
	if bytes > l.left(owner) {
		return errQuota
	}
	l.put(name, entry{owner, bytes})
	return nil
}

// grow books that an upload takes more than before, if that fits.
func (l *ledger) grow(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes-l.entries[name].bytes > l.left(owner) {
		return errQuota
	}
	l.put(name, entry{owner, bytes})
	return nil
}

// set books an upload whatever it takes.
func (l *ledger) set(name, owner string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(name, entry{owner, bytes})
}

// room is how many bytes more an owner may have.
func (l *ledger) room(owner string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left(owner)
}

// drop forgets an upload.
func (l *ledger) drop(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.take(name)
}

// known lists the uploads that are booked.
func (l *ledger) known() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, len(l.entries))
	for name, e := range l.entries {
		all[name] = e.owner
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
	l.take(name)
	l.entries[name] = e
	l.owners[e.owner] += e.bytes
	l.total += e.bytes
}

func (l *ledger) take(name string) {
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
