package engineio

import (
	"net/http"
	"slices"
)

// cors lets pages of other origins poll (revision 4, "HTTP long-polling").
// The origin is echoed; cookies only go with origins that are listed.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !s.allowed(r) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if s.cfg.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
		h.Set("Access-Control-Max-Age", "86400")
	}
}

// allowed says whether a browser may come from where it comes. What is no
// browser has no origin.
func (s *Server) allowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || len(s.cfg.Origins) == 0 || slices.Contains(s.cfg.Origins, origin)
}
