package transfer

import (
	"maps"
	"sync"
)

// doneUploads are complete files with nothing left to reconcile, and when they were
// completed (unix ms): they are not read again until they expire.
type doneUploads struct {
	mu sync.Mutex // guards what follows
	at map[string]int64
}

func (s *doneUploads) put(name string, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]int64{}
	}
	s.at[name] = at
}

func (s *doneUploads) get(name string) (at int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok = s.at[name]
	return at, ok
}

// keep forgets the files that are not there.
func (s *doneUploads) keep(there map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.at, func(name string, _ int64) bool { return !there[name] })
}
