package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Any page in a browser of this box may ask the admin listener, which is on
// loopback, and read the answer if the page's name is made to lead here (DNS
// rebinding). So a request must name the listener by something that no page
// has for its own name, and must not come from another page.

// visitors lets those through that are no page of others. hosts are names of
// this machine beside those that nobody elsewhere can have.
func visitors(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := refusedBecause(hosts, r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refusedBecause says why a request is refused, or nothing.
func refusedBecause(hosts []string, r *http.Request) string {
	if !ownHost(r.Host, hosts) {
		return fmt.Sprintf("%q is no name of this listener; use its address, or add the name to admin.hosts", r.Host)
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return fmt.Sprintf("pages of %q may not ask here", origin)
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Method != http.MethodGet { // a link may lead here
			return "pages of others may not ask here"
		}
	}
	return ""
}

// ownHost says whether a Host header is one that no page elsewhere has: an
// address, a name without a dot (localhost, a container's), or a name of ours.
func ownHost(host string, ours []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "" {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") ||
		slices.ContainsFunc(ours, func(o string) bool { return strings.EqualFold(o, name) })
}
