package ingest

import "sync"

// publishers are those of this worker who hold a name.
type publishers struct {
	mu  sync.Mutex
	all map[string]*session // by sid; guarded by mu
}

// acquire gives s its name. If another session has it, that one is returned instead.
func (p *publishers) acquire(s *session) (other *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if other = p.all[s.sid]; other == nil {
		p.all[s.sid] = s
		s.release = func() { p.release(s) }
	}
	return other
}

func (p *publishers) release(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all[s.sid] == s {
		delete(p.all, s.sid)
	}
}

func (p *publishers) get(sid string) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[sid]
}

// isPublishing says whether a session holds the name and its media is recorded.
func (p *publishers) isPublishing(sid string) bool {
	s := p.get(sid)
	return s != nil && s.live.Load() != nil
}

func (p *publishers) list() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*session, 0, len(p.all))
	for _, s := range p.all {
		all = append(all, s)
	}
	return all
}

// trails is by how many seconds a track of some publisher comes later than the other: the most.
func (p *publishers) trails(track int) float64 {
	most := int64(0)
	for _, s := range p.list() {
		by := s.trails.Load()
		if track == trackVideo {
			by = -by
		}
		most = max(most, by)
	}
	return float64(most) / 1000
}
