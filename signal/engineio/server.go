package engineio

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/helios-h2020/pse/internal/progress"
)

// Server serves the sessions of one path. It is an http.Handler.
type Server struct {
	cfg      *Config
	origins  originPolicy
	tasks    tasks
	sessions *sessions
	acceptor *acceptor
	proxy    *proxy
	flush    flushers
	all      *rate.Limiter      // of what all clients send; nil: no bound
	cancel   context.CancelFunc // of the proxy's WebSockets
}

// NewServer makes a server. Close ends its sessions.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure Engine.IO: %w", err)
	}
	s := &Server{cfg: &cfg, origins: originPolicy{cfg.Origins, cfg.Credentials}, all: cfg.Flow.all()}
	s.sessions = newSessions(&cfg, &s.tasks)
	var err error
	if s.acceptor, err = newAcceptor(cfg.WriteTimeout, cfg.MaxPayload); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.proxy = &proxy{s.cfg, &s.tasks, s.acceptor, ctx}
	return s, nil
}

// ServeHTTP answers all requests of the protocol: handshakes, polls, posts
// and WebSockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.origins.setHeader(w.Header(), r)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	q := r.URL.Query()
	if err := check(q, isWebSocket(r)); err != nil {
		respond(w, err.response())
		return
	}
	if !s.origins.allows(r) {
		respond(w, statusForbidden.response())
		return
	}
	switch sessionID := q.Get("sid"); {
	case sessionID == "":
		s.handshake(w, r, q)
	case isWebSocket(r):
		s.serveWebSocket(w, r, sessionID, q)
	default:
		s.servePolling(w, r, sessionID, q)
	}
}

// servePolling answers a GET or POST of a session, here or by its owner.
func (s *Server) servePolling(w http.ResponseWriter, r *http.Request, sessionID string, q url.Values) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		respond(w, statusMethod.response())
		return
	}
	if r.Method == http.MethodPost {
		// A body that trickles in would hold the client's only POST for ever.
		// A server that cannot set deadlines has its own.
		var b *progress.Body
		w, r, b = progress.Watch(w, r, s.cfg.WriteTimeout, s.cfg.WriteTimeout)
		defer b.Done()
		defer time.AfterFunc(s.cfg.WriteTimeout, b.Stop).Stop()
	}
	if owner, ok := s.proxy.owner(sessionID); ok {
		s.proxy.request(w, r, owner)
		return
	}
	e, err := s.find(sessionID, s.cfg.clientIP(r), q)
	if err != nil {
		respond(w, err.response())
		return
	}
	if r.Method == http.MethodGet {
		ps, err := e.get(r.Context())
		if err != nil {
			respond(w, err.response())
			return
		}
		e.answer(w, ps)
		return
	}
	if err := e.post(r.Header.Get("Content-Type"), r.Body); err != nil {
		respond(w, err.response())
		return
	}
	respond(w, postedResponse())
}

// serveWebSocket takes a WebSocket for a session that polls, here or at its owner.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request, sessionID string, q url.Values) {
	if owner, ok := s.proxy.owner(sessionID); ok {
		s.proxy.webSocket(w, r, owner)
		return
	}
	e, status := s.find(sessionID, s.cfg.clientIP(r), q)
	if status != nil {
		respond(w, status.response())
		return
	}
	ws, err := s.acceptor.accept(w, r)
	if err != nil { // answered already
		return
	}
	e.upgrade(ws)
}

// Serve answers a Request that another worker carried here. It is never
// carried further: the session is here or unknown.
func (s *Server) Serve(ctx context.Context, r *Request) *Response {
	q, err := url.ParseQuery(r.Query)
	if err != nil {
		return statusRequest.response()
	}
	if err := check(q, false); err != nil {
		return err.response()
	}
	e, status := s.find(q.Get("sid"), r.IP, q)
	if status != nil {
		return status.response()
	}
	switch r.Method {
	case http.MethodGet:
		ps, err := e.get(ctx)
		if err != nil {
			return err.response()
		}
		return packetsResponse(e.codec, ps)
	case http.MethodPost:
		if err := e.post(r.ContentType, bytes.NewReader(r.Body)); err != nil {
			return err.response()
		}
		return postedResponse()
	}
	return statusMethod.response()
}

// ServeLink takes a WebSocket that another worker has, for a session of this
// one. It returns at once; the link is closed when the WebSocket should be.
func (s *Server) ServeLink(r *Request, l Link) {
	q, err := url.ParseQuery(r.Query)
	if err != nil || check(q, true) != nil {
		l.Close()
		return
	}
	e, status := s.find(q.Get("sid"), r.IP, q)
	if status != nil {
		l.Close()
		return
	}
	e.upgrade(linked{l})
}

// find is the session of this server with that id, for a client of the same
// version, or what is wrong. Ids of revision 3 are no secrets (Socket.IO 4 makes
// public ids of them), so such a session answers the address that opened it only.
func (s *Server) find(sessionID, ip string, q url.Values) (*Session, *statusError) {
	e := s.sessions.find(sessionID)
	switch {
	case e == nil || e.version == 3 && e.ip != ip:
		return nil, statusUnknown
	case e.version != version(q):
		return nil, statusRequest
	}
	return e, nil
}

// Len is how many sessions there are.
func (s *Server) Len() int { return s.sessions.len() }

// Close ends all sessions and waits until their handlers were told.
func (s *Server) Close() {
	s.sessions.close()
	s.cancel()
	s.tasks.wait()
	s.acceptor.close()
}
