package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// A Store keeps uploads in a backend. Several processes may have one on the same
// backend, and it may be used by several goroutines at once.
//
// Beside its data and its metadata an upload has small files, below its name. Users of
// the store may have others than the store's own:
//
//	NAME/links/KEY  links for reading
//	NAME/lost       Damage, until an event tells of it
type Store struct {
	Backend
	now        func() time.Time
	linking    sync.Mutex // held while links are counted and made
	progresses progresses
	buffers    sync.Pool         // of *[]byte, CopySize long
	changed    func(name string) // see Watch
}

// New makes a store on a backend, which Close closes. clock gives the time.
func New(b Backend, clock func() time.Time) *Store {
	s := &Store{Backend: b, now: clock, progresses: progresses{all: map[string]*Progress{}}, changed: func(string) {}}
	s.buffers.New = func() any { b := make([]byte, CopySize); return &b }
	return s
}

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Each calls f with each name, Concurrency at a time, until ctx ends, whose error it
// returns. All calls have ended when it returns.
func (s *Store) Each(ctx context.Context, names []string, f func(name string)) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, s.Concurrency())
	for _, name := range names {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f(name)
		})
	}
	return nil
}

// Create makes an upload of i, and sets i.Created.
func (s *Store) Create(i *Info) error {
	i.Created = s.now().UnixMilli()
	defer s.changed(i.Name)
	return s.Backend.Create(i)
}

// Watch has f called whenever something of an upload was changed by this store; what other
// processes change, State tells. f must not block. Call it before anything else.
func (s *Store) Watch(f func(name string)) { s.changed = f }

// Write implements Files.
func (s *Store) Write(file string, b []byte) error {
	defer s.changedFile(file)
	return s.Backend.Write(file, b)
}

// Erase implements Files.
func (s *Store) Erase(file string) error {
	defer s.changedFile(file)
	return s.Backend.Erase(file)
}

// changedFile says that a small file was written or deleted.
func (s *Store) changedFile(file string) {
	if name, _, _ := strings.Cut(file, "/"); IsToken(name) {
		s.changed(name)
	}
}

// Names are those of all uploads, in any order.
func (s *Store) Names() ([]string, error) { return s.List(DirUploads) }

// Follow is the progress of an upload that this process writes, to be closed. What
// another process writes is seen by Offset alone.
func (s *Store) Follow(name string) *Progress { return s.progresses.join(name) }

// Mark makes an empty small file, as a flag. Idempotent.
func (s *Store) Mark(file string) error {
	if err := s.Write(file, nil); err != nil {
		return fmt.Errorf("mark %s: %w", file, err)
	}
	return nil
}

// Has says whether a small file is there.
func (s *Store) Has(file string) bool {
	_, err := s.Written(file)
	return err == nil
}
