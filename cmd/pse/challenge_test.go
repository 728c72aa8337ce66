package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// At port 80 there are challenges, and the way to HTTPS; elsewhere all is as ever.
func TestChallengePort(t *testing.T) {
	t.Parallel()
	all := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	at := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 80}
	for name, c := range map[string]struct {
		method, url, public, tls string
		port                     int
		want                     int
		location                 string
	}{
		"a challenge":         {"GET", "http://live.example.org/.well-known/acme-challenge/x", "", ":8443", 80, http.StatusTeapot, ""},
		"a page":              {"GET", "http://live.example.org/watch/a?b=c", "", ":8443", 80, http.StatusTemporaryRedirect, "https://live.example.org:8443/watch/a?b=c"},
		"a page, at 443":      {"GET", "http://live.example.org/", "", ":443", 80, http.StatusTemporaryRedirect, "https://live.example.org/"},
		"a page of IPv6":      {"HEAD", "http://[2001:db8::7]/", "", ":443", 80, http.StatusTemporaryRedirect, "https://[2001:db8::7]/"},
		"behind a proxy":      {"GET", "http://live.example.org/f/1", "https://live.example.org", ":8443", 80, http.StatusTemporaryRedirect, "https://live.example.org/f/1"},
		"something that acts": {"POST", "http://live.example.org/files", "", ":8443", 80, http.StatusMethodNotAllowed, ""},
		"at another port":     {"POST", "http://live.example.org/files", "", ":8443", 8080, http.StatusTeapot, ""},
	} {
		cfg := DefaultConfig()
		cfg.HTTP.PublicURL, cfg.HTTP.TLSListen = c.public, c.tls
		r := httptest.NewRequest(c.method, c.url, nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: c.port})))
		w := httptest.NewRecorder()
		atChallengePort(at, cfg, all).ServeHTTP(w, r)
		if w.Code != c.want || w.Header().Get("Location") != c.location {
			t.Errorf("%s: %d, %q", name, w.Code, w.Header().Get("Location"))
		}
	}
}
