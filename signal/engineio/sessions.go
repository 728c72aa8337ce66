package engineio

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

// sessions are a server's sessions, by id, with their places.
type sessions struct {
	tasks  *tasks
	places *limit.Crowd // in all, and per address

	mu   sync.Mutex // guards what follows
	byID map[string]place
}

// place is a session's among those that there may be.
type place struct {
	session *Session
	leave   func() // gives it back
}

func newSessions(cfg *Config, t *tasks) *sessions {
	return &sessions{tasks: t, places: limit.NewCrowd(cfg.MaxSessions, cfg.MaxSessionsPerIP), byID: map[string]place{}}
}

// add gives a new session its place, if there is one, and counts it as a task.
func (s *sessions) add(e *Session) *statusError {
	s.mu.Lock() // over begin: close finds all that began
	defer s.mu.Unlock()
	if !s.tasks.begin() {
		return statusFull
	}
	ip, _ := netip.ParseAddr(e.ip) // all that are none count as one
	leave, err := s.places.Enter(ip)
	switch {
	case errors.Is(err, limit.ErrShare):
		s.tasks.end()
		return statusFullIP
	case err != nil:
		s.tasks.end()
		return statusFull
	}
	e.remove = func(after time.Duration) { s.remove(e, after) }
	s.byID[e.id] = place{e, leave}
	return nil
}

// find is the session with that id, nil if there is none.
func (s *sessions) find(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id].session
}

// remove frees a session's place, now or after a while. It may be called twice.
func (s *sessions) remove(e *Session, after time.Duration) {
	if after > 0 {
		time.AfterFunc(after, func() { s.remove(e, 0) })
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byID[e.id]
	if p.session != e {
		return
	}
	delete(s.byID, e.id)
	p.leave()
}

func (s *sessions) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// close ends all sessions. Afterwards there are none, and no task begins any more.
func (s *sessions) close() {
	s.mu.Lock()
	s.tasks.close()
	all := make([]*Session, 0, len(s.byID))
	for _, p := range s.byID {
		all = append(all, p.session)
	}
	s.mu.Unlock()
	for _, e := range all {
		e.end(ShuttingDown, drain)
		s.remove(e, 0)
	}
}
