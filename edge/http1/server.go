// Package http1 answers plain GETs on connections taken over from net/http: one
// read, one write, and next to no memory while a client waits. (Per request and
// CPU, 0.4 of nginx through net/http, which writes twice, reads in the
// background, sets three deadlines and sorts a header map.) What is not a plain
// GET, or is not its owner's to answer here, goes back to the server that the
// connection came from: queue.go.
//
// It knows no stream: what it answers is an Answer's to say.
//
// A client that disconnects while its answer is waited for is noticed when that
// comes.
package http1

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/accept"
	"go.uber.org/zap"
)

// Server is the set of connections that were taken over.
type Server struct {
	answerer answerer
	wg       sync.WaitGroup

	mu   sync.Mutex // guards the rest
	open map[*rawConn]struct{}
	back map[*http.Server]*connQueue
}

// New is a server for GETs whose path begins with prefix.
func New(prefix string, answer Answer, log *zap.Logger) *Server {
	return &Server{answerer: answerer{prefix: prefix, answer: answer, log: log}, open: map[*rawConn]struct{}{}, back: map[*http.Server]*connQueue{}}
}

// Request is what there is to a request of net/http's.
func (s *Server) Request(r *http.Request) Request {
	return Request{strings.TrimPrefix(r.URL.Path, s.answerer.prefix), r.URL.RawQuery, accept.Gzip(r.Header), r.RemoteAddr, r.UserAgent()}
}

// Hijack takes a request's connection from its server, if the request is a
// plain GET, and answers it there. It reports whether it did; the request must
// be one that the server's Answer answers.
func (s *Server) Hijack(rw http.ResponseWriter, r *http.Request, first Request) bool {
	h := r.Header
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.TLS != nil || r.Close || r.ContentLength != 0 ||
		Conditional(h) || h["Connection"] != nil && !strings.EqualFold(h.Get("Connection"), "keep-alive") || h["Expect"] != nil {
		return false
	}
	srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return false
	}
	conn, pending, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return false
	}
	c := &rawConn{answerer: &s.answerer, conn: conn, back: s.queueTo(srv), asked: first}
	if n := pending.Reader.Buffered(); n > 0 {
		ahead, _ := pending.Reader.Peek(n)
		c.buf = append(make([]byte, 0, max(n, readBytes)), ahead...)
	}
	if p, ok := conn.(*prefixConn); ok && len(p.prefix) == 0 {
		c.conn = p.Conn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answerer.stopping.Load() {
		_ = conn.Close()
		return true
	}
	s.open[c] = struct{}{}
	s.wg.Go(func() {
		defer s.forget(c)
		c.run()
	})
	return true
}

func (s *Server) forget(c *rawConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// drain ends connections between two requests, and the others after theirs.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answerer.stopping.Store(true)
	for c := range s.open {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// Stop ends all connections, and waits until they have. Answers that wait must
// have been ended.
func (s *Server) Stop() {
	s.drain()
	s.mu.Lock()
	for c := range s.open {
		_ = c.conn.SetDeadline(time.Unix(1, 0))
	}
	for _, q := range s.back {
		q.close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Conditional reports whether a request may want anything but all of what it
// names (RFC 9110 13, 14).
func Conditional(h http.Header) bool {
	return h["Range"] != nil || h["If-None-Match"] != nil || h["If-Match"] != nil
}

// queueTo is the way back to a server, made when first needed.
func (s *Server) queueTo(srv *http.Server) *connQueue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.back[srv]; q != nil {
		return q
	}
	q := newConnQueue()
	s.back[srv] = q
	srv.RegisterOnShutdown(s.drain)
	s.wg.Go(func() {
		_ = srv.Serve(q) // ends with either server
		q.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.back, srv)
	})
	return q
}
