// Package forwarded believes what the owner's proxies say of a request, and
// nobody else.
package forwarded

import (
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
// X-Forwarded-Proto and X-Forwarded-Host stay, if they are some. Of a peer that is not
// trusted nothing stays. The header Forwarded never does: one way of saying it is enough.
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
	if client := t.client(peer, strings.Join(h.Values("X-Forwarded-For"), ",")); client != peer {
		r.RemoteAddr = netip.AddrPortFrom(client, 0).String() // nobody told the port
	}
	if p := h.Get("X-Forwarded-Proto"); p != "http" && p != "https" {
		h.Del("X-Forwarded-Proto")
	}
	if !plainHost(h.Get("X-Forwarded-Host")) {
		h.Del("X-Forwarded-Host")
	}
}

func (t Trust) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// client is the address that asked, by a list of what each proxy got the request
// from: the last that is no proxy of ours. What cannot be read ends the list.
func (t Trust) client(peer netip.Addr, list string) netip.Addr {
	all := strings.Split(list, ",")
	for i := len(all) - 1; i >= 0; i-- {
		ip, ok := parse(strings.TrimSpace(all[i]))
		if !ok {
			return peer
		}
		if peer = ip; t.Anyone || !t.trusts(ip) {
			return peer
		}
	}
	return peer
}

// parse reads an address, with or without a port.
func parse(text string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	at, err := netip.ParseAddrPort(text)
	return at.Addr().Unmap().WithZone(""), err == nil
}

// plainHost says whether a header is a host, perhaps with a port.
func plainHost(h string) bool {
	return h != "" && !strings.ContainsFunc(h, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-:[]_", r)
	})
}
