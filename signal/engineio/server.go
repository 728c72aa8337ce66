package engineio

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/helios-h2020/pse/internal/limit"
)

// Server serves the sessions of one path. It is an http.Handler.
type Server struct {
	cfg     Config
	inlets  *inlets
	outlets *outlets
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	flush   flushers
	watch   *watch
	all     *rate.Limiter // of what all clients send; nil: no bound
	crowd   *limit.Crowd  // of sessions

	mu       sync.Mutex // guards what follows
	closed   bool
	sessions map[string]*Session
	wg       sync.WaitGroup // of sessions and what runs for them; grows only while not closed, or by who has a place in it
}

// NewServer makes a server. Close ends its sessions.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure Engine.IO: %w", err)
	}
	s := &Server{cfg: cfg, inlets: newInlets(), outlets: newOutlets(), crowd: limit.NewCrowd(cfg.MaxSessions, cfg.MaxSessionsPerIP), sessions: map[string]*Session{}, all: cfg.Flow.all()}
	var err error
	if s.watch, err = newWatch(); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// ServeHTTP answers all requests of the protocol: handshakes, polls, posts
// and WebSockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.cors(w, r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	q := r.URL.Query()
	if p := check(q, isWebSocket(r)); p != nil {
		respond(w, p.response())
		return
	}
	if !s.allowed(r) {
		respond(w, probForbidden.response())
		return
	}
	switch sid := q.Get("sid"); {
	case sid == "":
		s.handshake(w, r, q)
	case isWebSocket(r):
		s.serveWebSocket(w, r, sid, q)
	default:
		s.servePolling(w, r, sid, q)
	}
}

// check looks at what each request has: transport and version.
func check(q url.Values, socket bool) *problem {
	switch q.Get("transport") {
	case "polling":
		if socket {
			return probRequest
		}
	case "websocket":
		if !socket {
			return probRequest
		}
	default:
		return probTransport
	}
	switch {
	case q.Get("EIO") != "4" && q.Get("EIO") != "3":
		return probVersion
	case q.Has("j"):
		return probJSONP
	}
	return nil
}

func version(q url.Values) int {
	if q.Get("EIO") == "3" {
		return 3
	}
	return 4
}

// find is the session of this server with that id, for a client of the same
// version, or what is wrong. Ids of revision 3 are no secrets (Socket.IO 4 makes
// public ids of them), so such a session answers the address that opened it only.
func (s *Server) find(sid, ip string, q url.Values) (*Session, *problem) {
	s.mu.Lock()
	e := s.sessions[sid]
	s.mu.Unlock()
	switch {
	case e == nil || e.version == 3 && e.ip != ip:
		return nil, probUnknown
	case e.version != version(q):
		return nil, probRequest
	}
	return e, nil
}

// elsewhere is the token of the worker that owns sid, if that is another one.
func (s *Server) elsewhere(sid string) (owner string, ok bool) {
	if s.cfg.Forward == nil {
		return "", false
	}
	owner, ok = Owner(sid)
	return owner, ok && owner != s.cfg.Token
}

// Owner is the token that a session id begins with.
func Owner(sid string) (token string, ok bool) {
	token, _, ok = strings.Cut(sid, tokenEnd)
	return token, ok && token != "" && !strings.ContainsFunc(token, func(r rune) bool { return !isToken(r) })
}

// Len is how many sessions there are.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Close ends all sessions and waits until their handlers were told.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*Session, 0, len(s.sessions))
	for _, e := range s.sessions {
		all = append(all, e)
	}
	s.mu.Unlock()
	s.cancel()
	for _, e := range all {
		e.end(ShuttingDown, gently)
		s.remove(e)
	}
	s.wg.Wait()
	s.watch.close()
}

// enter makes room for one more goroutine that Close waits for. After Close
// began there is none.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Add(1)
	return true
}

func respond(w http.ResponseWriter, r *Response) {
	// The status cannot be taken back; a client that is gone is noticed by its session.
	_ = r.write(w)
}
