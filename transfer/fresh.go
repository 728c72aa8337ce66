package transfer

import (
	"sync"

	"github.com/helios-h2020/pse/store"
)

// freshMost is how many uploads are remembered as fresh; of others the store is read.
const freshMost = 1024

// freshUploads are those that were made here a moment ago, of which nothing is told or noted
// yet: nobody need look for that in the store, which was a fifth of what a small file cost.
type freshUploads struct {
	mu  sync.Mutex // guards all
	all map[string]*store.Info
}

// put remembers one, if there is room: ok.
func (s *freshUploads) put(i *store.Info) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*store.Info{}
	}
	if ok = len(s.all) < freshMost; ok {
		s.all[i.Name] = i
	}
	return ok
}

// has says whether one is still remembered.
func (s *freshUploads) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[name] != nil
}

// renew notes other metadata of one, if it is remembered.
func (s *freshUploads) renew(i *store.Info) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[i.Name] != nil {
		s.all[i.Name] = i
	}
}

// take forgets one, and gives its metadata; nil: they are to be read.
func (s *freshUploads) take(name string) *store.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.all[name]
	delete(s.all, name)
	return i
}
