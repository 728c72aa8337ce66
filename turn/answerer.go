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

// answerer says by what clients reach the relay, and with which credentials.
type answerer struct {
	cfg         Config
	addresses   *addresses
	sockets     *sockets
	credentials *auth.Credentials
}

// answer gives a client servers and credentials.
func (a *answerer) answer(_ context.Context, q bus.CredentialsQuery) (bus.Credentials, error) {
	user := strings.TrimSpace(q.User)
	if user == "" || len(user) > auth.LongestUser {
		return bus.Credentials{}, errors.New("name the user that the credentials are for, in up to 300 bytes")
	}
	name, password, ok := a.credentials.Make(user, time.Now())
	if !ok {
		return bus.Credentials{}, errors.New("the relay has no secret yet; ask again in a second")
	}
	return bus.Credentials{
		Servers: []bus.ICEServer{{URLs: a.urls(q.Host), Username: name, Credential: password}},
		TTL:     int(a.cfg.TTL / time.Second),
	}, nil
}

// urls are how a client reaches this relay that reached us by a host.
func (a *answerer) urls(host string) []string {
	h := a.host(host)
	at := func(port int) string { return net.JoinHostPort(h, strconv.Itoa(port)) }
	urls := []string{"turn:" + at(a.sockets.port) + "?transport=udp", "turn:" + at(a.sockets.port) + "?transport=tcp"}
	if a.cfg.PublicTLS && a.sockets.tlsPort != 0 {
		urls = append(urls, "turns:"+at(a.sockets.tlsPort)+"?transport=tcp")
	}
	return urls
}

// host is the name or address by which clients reach this relay: as configured,
// or from outside; else as the client did it already; else an address of ours.
func (a *answerer) host(used string) string {
	if a.cfg.PublicHost != "" {
		return a.cfg.PublicHost
	}
	for _, ip := range []netip.Addr{a.addresses.v4, a.addresses.v6} {
		if out, ok := a.addresses.external[ip]; ok {
			return out.String()
		}
	}
	if bare, _, err := net.SplitHostPort(used); err == nil {
		used = bare
	}
	if used = strings.Trim(used, "[]"); used != "" {
		return used
	}
	if listened := a.sockets.clear[0].Addr(); !listened.IsUnspecified() {
		return listened.String()
	}
	if a.addresses.v4.IsValid() {
		return a.addresses.v4.String()
	}
	return a.addresses.v6.String()
}
