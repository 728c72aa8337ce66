package engineio

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

// sessions are a server's sessions, and the goroutines that run for them. close waits
// for both.
type sessions struct {
	places *limit.Crowd // in all, and per address

	mu     sync.Mutex // guards what follows
	closed bool
	byID   map[string]*Session

	// running counts each session until its handler's Close returned, and each
	// goroutine. It grows only while not closed, or by what is counted in it.
	running sync.WaitGroup
}

func newSessions(cfg *Config) *sessions {
	return &sessions{places: limit.NewCrowd(cfg.MaxSessions, cfg.MaxSessionsPerIP), byID: map[string]*Session{}}
}

// add gives a new session its place, if there is one.
func (s *sessions) add(e *Session) *statusError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return statusFull
	}
	ip, _ := netip.ParseAddr(e.ip) // all that are none count as one
	leave, err := s.places.Enter(ip)
	switch {
	case errors.Is(err, limit.ErrShare):
		return statusFullIP
	case err != nil:
		return statusFull
	}
	e.leave = leave
	s.byID[e.id] = e
	s.running.Add(1)
	return nil
}

// find is the session with that id, nil if there is none.
func (s *sessions) find(id string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// remove frees a session's place. It may be called twice.
func (s *sessions) remove(e *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID[e.id] != e {
		return
	}
	delete(s.byID, e.id)
	e.leave()
}

// removeAfter keeps a session that ended until its client polled once more, or would
// have noticed by itself.
func (s *sessions) removeAfter(e *Session, d time.Duration) {
	time.AfterFunc(d, func() { s.remove(e) })
}

func (s *sessions) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}

// enter counts one more goroutine; false after close began.
func (s *sessions) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// close ends all sessions. Afterwards there are none, and no more come.
func (s *sessions) close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*Session, 0, len(s.byID))
	for _, e := range s.byID {
		all = append(all, e)
	}
	s.mu.Unlock()
	for _, e := range all {
		e.end(ShuttingDown, drain)
		s.remove(e)
	}
}
