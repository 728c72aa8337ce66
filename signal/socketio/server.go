package socketio

import (
	"fmt"
	"net/http"
	"time"

	"github.com/helios-h2020/pse/signal/engineio"
)

// Server makes clients of Engine.IO sessions: its Open is the Open of an
// engineio.Config.
type Server struct{ cfg Config }

// New makes a server. It holds nothing: clients end with their session.
func New(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure Socket.IO: %w", err)
	}
	return &Server{cfg}, nil
}

// Open takes a new Engine.IO session.
func (s *Server) Open(conn *engineio.Session, r *http.Request) engineio.Handler {
	host := r.Host
	if s.cfg.Host != nil {
		host = s.cfg.Host(r)
	}
	c := &client{cfg: &s.cfg, conn: conn, origin: originOf(r, host)}
	c.waiting = time.AfterFunc(s.cfg.ConnectTimeout, c.tooLate)
	if conn.Version() == 3 {
		c.greet()
	}
	return c
}
