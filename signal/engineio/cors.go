package engineio

import (
	"net/http"
	"slices"
)

// originPolicy says which browsers' pages may connect (CORS).
type originPolicy struct {
	origins     []string // none: all
	credentials bool     // cookies may come with them
}

// allows reports whether a request may come from its page. A client that is no
// browser sends no origin.
func (p originPolicy) allows(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || len(p.origins) == 0 || slices.Contains(p.origins, origin)
}

// setHeader lets pages of other origins poll (revision 4, "HTTP long-polling").
// The origin is echoed; cookies only go with origins that are listed.
func (p originPolicy) setHeader(h http.Header, r *http.Request) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !p.allows(r) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if p.credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		// Whatever a page wants to send whose origin may connect (extraHeaders): a
		// header gets it nothing that any other client could not send as well.
		h.Add("Vary", "Access-Control-Request-Headers")
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
			h.Set("Access-Control-Allow-Headers", asked)
		}
		h.Set("Access-Control-Max-Age", "86400")
	}
}
