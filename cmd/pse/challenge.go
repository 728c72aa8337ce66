package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// listenChallenges binds the address that port 80 leads to, where ACME servers
// ask whether a name is ours, and people are sent on to HTTPS.
func (f *front) listenChallenges(addr string, cfg Config) error {
	l, err := f.bind(addr)
	if err != nil {
		return fmt.Errorf("listen for ACME's challenges: %w; stop who uses it, let PSE use it (of systemd: AmbientCapabilities and CapabilityBoundingSet=CAP_NET_BIND_SERVICE), or forward port 80 to http.listen and remove tls.acme.http_listen", err)
	}
	f.compat = append(f.compat, l)
	f.server.Handler = atChallengePort(l.Addr(), cfg, f.server.Handler)
	return nil
}

// atChallengePort has only challenges answered at an address of ours.
func atChallengePort(at net.Addr, cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		here, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		switch {
		case here == nil || portOf(here) != portOf(at), strings.HasPrefix(r.URL.Path, challengePath):
			next.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "ask by HTTPS", http.StatusMethodNotAllowed)
		default:
			http.Redirect(w, r, cfg.overHTTPS(r), http.StatusTemporaryRedirect)
		}
	})
}

func portOf(a net.Addr) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

// overHTTPS is the address of what was asked for, over HTTPS: as public_url
// says, else at the same host.
func (c Config) overHTTPS(r *http.Request) string {
	to := url.URL{Scheme: "https", Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if u, err := url.Parse(c.HTTP.PublicURL); err == nil && u.Scheme == "https" && u.Host != "" {
		to.Host = u.Host
		return to.String()
	}
	_, port, _ := net.SplitHostPort(c.HTTP.TLSListen)
	to.Host = httpsHost(hostOf(r), port)
	return to.String()
}
