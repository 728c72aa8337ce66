package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// HELIOS's ports of the public side. What is served there is what is served on
// the others; a caller finds the page of a call at the root of the second.
const (
	heliosHLS   = 800   // HTTP
	heliosFiles = 1080  // HTTP, behind a proxy of its operator
	heliosCalls = 11794 // HTTPS
)

// listenCompat binds HELIOS's ports on the addresses that listen is on.
func (f *front) listenCompat(listen string, secure func(protocols ...string) *tls.Config) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	if secure == nil {
		return fmt.Errorf("compat: %s needs HTTPS for port %d; set http.tls_listen", compatHelios, heliosCalls)
	}
	for _, port := range []int{heliosHLS, heliosFiles, heliosCalls} {
		l, err := f.bind(net.JoinHostPort(host, fmt.Sprint(port)))
		if err != nil {
			return fmt.Errorf("listen on HELIOS's port: %w; stop who uses it, or remove compat", err)
		}
		if port == heliosCalls {
			l = tls.NewListener(l, secure("h2", "http/1.1"))
		}
		f.compat = append(f.compat, l)
	}
	f.server.Handler = atCallPort(f)
	return nil
}

// atCallPort has the page of a call at the root of HELIOS's port for calls.
func atCallPort(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && at.Port == heliosCalls && r.URL.Path == "/" {
			r = r.Clone(r.Context())
			r.URL.Path = "/call/"
		}
		next.ServeHTTP(w, r)
	})
}
