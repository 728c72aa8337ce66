package turn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/turn/auth"
)

// answer gives a client servers and credentials.
func (w *Worker) answer(_ context.Context, q bus.CredentialsQuery) (bus.Credentials, error) {
	user := strings.TrimSpace(q.User)
	if user == "" || len(user) > auth.LongestUser {
		return bus.Credentials{}, errors.New("name the user that the credentials are for, in up to 300 bytes")
	}
	name, password, ok := w.server.credentials.Make(user, time.Now())
	if !ok {
		return bus.Credentials{}, errors.New("the relay has no secret yet; ask again in a second")
	}
	return bus.Credentials{
		Servers: []bus.ICEServer{{URLs: w.urls(q.Host), Username: name, Credential: password}},
		TTL:     int(w.cfg.TTL / time.Second),
	}, nil
}

// urls are how a client reaches this relay that reached us by a host.
func (w *Worker) urls(host string) []string {
	h := w.host(host)
	at := func(port int) string { return net.JoinHostPort(h, strconv.Itoa(port)) }
	urls := []string{"turn:" + at(w.sockets.port) + "?transport=udp", "turn:" + at(w.sockets.port) + "?transport=tcp"}
	if w.cfg.PublicTLS && w.sockets.tlsPort != 0 {
		urls = append(urls, "turns:"+at(w.sockets.tlsPort)+"?transport=tcp")
	}
	return urls
}

// host is the name or address by which clients reach this relay: as configured,
// or from outside; else as the client did it already; else an address of ours.
func (w *Worker) host(used string) string {
	if w.cfg.PublicHost != "" {
		return w.cfg.PublicHost
	}
	a := w.addresses
	for _, ip := range []netip.Addr{a.v4, a.v6} {
		if out, ok := a.external[ip]; ok {
			return out.String()
		}
	}
	if bare, _, err := net.SplitHostPort(used); err == nil {
		used = bare
	}
	if used = strings.Trim(used, "[]"); used != "" {
		return used
	}
	if listened := w.sockets.clear[0].Addr(); !listened.IsUnspecified() {
		return listened.String()
	}
	if a.v4.IsValid() {
		return a.v4.String()
	}
	return a.v6.String()
}
