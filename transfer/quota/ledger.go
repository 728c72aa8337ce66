// Package quota counts the bytes of each owner's files against what they may take.
// It knows no store and no protocol: whoever creates, appends to and removes files
// books that here, and whoever lists the store says what was found.
package quota

import (
	"errors"
	"sync"
)

var (
	// ErrUsedUp says that bytes do not fit into the owner's quota or that of all files.
	ErrUsedUp = errors.New("the quota is used up; delete files, or send a smaller one")
	// ErrTooMany says that there are Limits.Files files.
	ErrTooMany = errors.New("there are too many files; delete some")
	// ErrTooLarge says that a file is larger than one may be.
	ErrTooLarge = errors.New("the file is larger than one may be; send a smaller one")
)

// Limits are what files may take.
type Limits struct {
	Owner int64 // bytes of one owner's files; 0: no limit
	Total int64 // bytes of all files; 0: no limit
	Files int   // how many files there may be
}

// A Ledger knows how many bytes each upload counts: the announced length, or, while
// that is not known, the bytes that came. Several workers on one store keep a ledger
// each, and learn of each other's files when they list the store. It may be used by
// several goroutines at once.
type Ledger struct {
	limits Limits

	mu      sync.Mutex // guards what follows
	entries map[string]entry
	changes uint64 // of which uploads are in the store, or whose they are
	owners  map[string]int64
	total   int64
	dropped map[string]bool // since the last listing ended: a listing that read one of them before books it late
	earlier map[string]bool // those dropped during the listing before
}

// entry is one upload.
type entry struct {
	owner   string
	bytes   int64
	pending bool // it is not in the store yet
	grows   bool // a Reader books what comes
}

// NewLedger makes a ledger without entries.
func NewLedger(l Limits) *Ledger {
	return &Ledger{limits: l, entries: map[string]entry{}, owners: map[string]int64{}, dropped: map[string]bool{}}
}

// Reserve books so many bytes for an upload that is to be created: ErrUsedUp,
// ErrTooMany. Created or Drop follows.
func (l *Ledger) Reserve(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= l.limits.Files {
		return ErrTooMany
	}
	if bytes > l.remaining(owner) {
		return ErrUsedUp
	}
	l.put(name, entry{owner: owner, bytes: bytes, pending: true})
	return nil
}

// Created says that an upload is in the store.
func (l *Ledger) Created(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[name]; ok {
		e.pending = false
		l.entries[name] = e
		l.changes++
	}
}

// Grow books that an upload counts so many bytes now: ErrUsedUp.
func (l *Ledger) Grow(name, owner string, bytes int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes-l.entries[name].bytes > l.remaining(owner) {
		return ErrUsedUp
	}
	l.put(name, entry{owner: owner, bytes: bytes})
	return nil
}

// Learn books what a listing of the store found, whatever the limits. It changes
// nothing of an upload that a Reader books, and of one that was dropped since the
// listing began.
func (l *Ledger) Learn(name, owner string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[name].grows || l.dropped[name] || l.earlier[name] {
		return
	}
	l.put(name, entry{owner: owner, bytes: bytes})
}

// SetOwner has an upload count as another owner's.
func (l *Ledger) SetOwner(name, owner string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[name]; ok {
		e.owner = owner
		l.put(name, e)
	}
}

// Drop forgets an upload that is removed.
func (l *Ledger) Drop(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(name)
	l.dropped[name] = true
}

// Absent forgets an upload that the store did not list.
func (l *Ledger) Absent(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(name)
}

// Listed says that a listing of the store has ended: all that it found is learnt.
func (l *Ledger) Listed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped, l.earlier = map[string]bool{}, l.dropped
}

// Known gives the owner of each upload that is in the store.
func (l *Ledger) Known() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]string, len(l.entries))
	for name, e := range l.entries {
		if !e.pending {
			all[name] = e.owner
		}
	}
	return all
}

// Names are those of an owner's uploads that are in the store, or of all, in any order.
func (l *Ledger) Names(owner string, all bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name, e := range l.entries {
		if !e.pending && (all || e.owner == owner) {
			names = append(names, name)
		}
	}
	return names
}

// Changes is another number whenever Names may give others than before.
func (l *Ledger) Changes() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// Sums are how many uploads there are, and how many bytes they count.
func (l *Ledger) Sums() (files int, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries), l.total
}

// remaining is how many bytes an owner may still add. mu is held.
func (l *Ledger) remaining(owner string) int64 {
	left := int64(1) << 62
	if l.limits.Total > 0 {
		left = l.limits.Total - l.total
	}
	if l.limits.Owner > 0 {
		left = min(left, l.limits.Owner-l.owners[owner])
	}
	return max(0, left)
}

func (l *Ledger) put(name string, e entry) {
	if old, ok := l.entries[name]; !ok || old.owner != e.owner || old.pending != e.pending {
		l.changes++
	}
	l.unbook(name)
	l.entries[name] = e
	l.owners[e.owner] += e.bytes
	l.total += e.bytes
}

func (l *Ledger) remove(name string) {
	if _, ok := l.entries[name]; ok {
		l.changes++
		l.unbook(name)
	}
}

func (l *Ledger) unbook(name string) {
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
