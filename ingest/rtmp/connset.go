package rtmp

import "sync"

// connSet knows the connections there are, to end them.
type connSet struct {
	mu   sync.Mutex
	open map[*limitedConn]struct{} // guarded by mu
	shut bool                      // guarded by mu
	wg   sync.WaitGroup            // one for each connection
}

func (s *connSet) add(c *limitedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wg.Add(1)
	s.open[c] = struct{}{}
	if s.shut {
		c.shut()
	}
}

func (s *connSet) remove(c *limitedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.wg.Done()
}

// cutAll ends all connections with these last words, and at once those still to come.
func (s *connSet) cutAll(why *StatusError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	for c := range s.open {
		c.cut(why)
	}
}
