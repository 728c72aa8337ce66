// Package forwarded believes what the owner's proxies say of a request, and
// nobody else.
package forwarded

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Trust says which proxies' X-Forwarded headers hold.
type Trust struct {
	Networks []netip.Prefix
	// Anyone is believed, as it is right where nobody but one proxy gets through: the
	// client is then the last address it names, for those before are the client's own claim.
	Anyone bool
}

// Settle makes a request what the proxy in front had: RemoteAddr is the client's, and
// X-Forwarded-Proto (http or https) and X-Forwarded-Host stay, if they are some. Of a list, which
// proxies behind each other make, what the client asked for stays. Of a peer that is not
// trusted nothing stays. The header Forwarded never does: proxies that write the others
// pass on what a client says in it.
func (t Trust) Settle(r *http.Request) {
	h := r.Header
	h.Del("Forwarded")
	peer, _ := parse(r.RemoteAddr)
	if !t.Anyone && !t.trusts(peer) {
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For"} {
			h.Del(name)
		}
		return
	}
	hops := strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	client, at := t.client(peer, hops)
	if client != peer {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String() // nobody told the port
	}
	settle(h, "X-Forwarded-Proto", scheme(said(h, "X-Forwarded-Proto", len(hops), at)))
	settle(h, "X-Forwarded-Host", host(said(h, "X-Forwarded-Host", len(hops), at)))
}

// longestHost is what a name may have, and a port (RFC 1035 2.3.4), bytes.
const longestHost = 253 + 6

// Host is the host that the client asked for, perhaps with a port, of a request that is
// settled; of one that names none, the address of ours that it came to. Empty: nobody knows. That
// is so when the host is this machine to itself and the client is elsewhere: a proxy asked
// by that, and does not say what it was asked for.
func Host(r *http.Request) string {
	asked := r.Header.Get("X-Forwarded-Host")
	if asked == "" {
		asked = host(r.Host)
	}
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); asked == "" && ok {
		asked = at.String()
	}
	client, known := parse(r.RemoteAddr)
	if len(asked) > longestHost || isLoopback(asked) && known && !client.IsLoopback() {
		return ""
	}
	return asked
}

// isLoopback says whether a host, perhaps with a port, is the machine that asks for it.
func isLoopback(host string) bool {
	if ip, ok := parse(host); ok {
		return ip.IsLoopback()
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.EqualFold(host, "localhost")
}

// said is what a header says that may be a list: with an entry for each of hops what was
// said by the proxy that names the client there, else the first.
func said(h http.Header, name string, hops, at int) string {
	all := strings.Split(strings.Join(h.Values(name), ","), ",")
	if len(all) != hops {
		at = 0
	}
	return strings.TrimSpace(all[at])
}

// settle sets a header, or removes it.
func settle(h http.Header, name, value string) {
	if value == "" {
		h.Del(name)
		return
	}
	h.Set(name, value)
}

// scheme is http or https, by what a proxy calls it; empty: it is neither.
func scheme(text string) string {
	switch text = strings.ToLower(text); text {
	case "http", "https":
		return text
	case "ws", "wss": // as some call it of a WebSocket
		return "http" + strings.TrimPrefix(text, "ws")
	}
	return ""
}

func (t Trust) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// client is the address that asked, by a list of what each proxy got the request
// from, and where in it: the last that is no proxy of ours. What cannot be read ends the list.
func (t Trust) client(peer netip.Addr, hops []string) (client netip.Addr, at int) {
	for at = len(hops) - 1; at >= 0; at-- {
		ip, ok := parse(strings.TrimSpace(hops[at]))
		if !ok {
			return peer, min(at+1, len(hops)-1)
		}
		if peer = ip; t.Anyone || !t.trusts(ip) {
			return peer, at
		}
	}
	return peer, 0
}

// parse reads an address, with or without a port.
func parse(text string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	at, err := netip.ParseAddrPort(text)
	return at.Addr().Unmap().WithZone(""), err == nil
}

// host is a host, perhaps with a port; empty: it is none.
func host(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-:[]_", r)
	}) {
		return ""
	}
	return text
}
