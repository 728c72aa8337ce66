package forwarded

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestSettle(t *testing.T) {
	mine := Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for name, c := range map[string]struct {
		trust                   Trust
		peer, list, proto, host string
		from, isProto, isHost   string
	}{
		"a stranger":               {mine, "203.0.113.9:7", "1.2.3.4", "https", "evil.example", "203.0.113.9:7", "", ""},
		"nobody is trusted":        {Trust{}, "127.0.0.1:7", "1.2.3.4", "https", "evil.example", "127.0.0.1:7", "", ""},
		"a proxy":                  {mine, "127.0.0.1:7", "203.0.113.9", "https", "live.example.org:8443", "203.0.113.9:0", "https", "live.example.org:8443"},
		"a proxy that says less":   {mine, "127.0.0.1:7", "", "", "", "127.0.0.1:7", "", ""},
		"by IPv6, of IPv6":         {mine, "[::1]:7", "2001:db8::5", "http", "", "[2001:db8::5]:0", "http", ""},
		"with ports":               {mine, "127.0.0.1:7", "[2001:db8::5]:99", "", "", "[2001:db8::5]:0", "", ""},
		"a client's claim":         {mine, "127.0.0.1:7", "1.2.3.4, 203.0.113.9", "", "", "203.0.113.9:0", "", ""},
		"two proxies":              {mine, "127.0.0.1:7", "1.2.3.4,203.0.113.9,10.0.0.7", "", "", "203.0.113.9:0", "", ""},
		"a client next to a proxy": {mine, "127.0.0.1:7", "10.0.0.9, 10.0.0.7", "", "", "10.0.0.9:0", "", ""},
		"what is no address":       {mine, "127.0.0.1:7", "1.2.3.4, unknown, 10.0.0.7", "", "", "10.0.0.7:0", "", ""},
		"mapped":                   {mine, "[::ffff:127.0.0.1]:7", "203.0.113.9", "", "", "203.0.113.9:0", "", ""},
		"anyone":                   {Trust{Anyone: true}, "198.51.100.1:7", "1.2.3.4, 203.0.113.9", "https", "", "203.0.113.9:0", "https", ""},
		"in capitals":              {mine, "127.0.0.1:7", "", "HTTPS", "Live.Example.org", "127.0.0.1:7", "https", "Live.Example.org"},
		"a list":                   {mine, "127.0.0.1:7", "", "https, http", "live.example.org, inner:8080", "127.0.0.1:7", "https", "live.example.org"},
		"a list of two proxies":    {mine, "127.0.0.1:7", "203.0.113.9, 10.0.0.7", "https,http", "live.example.org,inner", "203.0.113.9:0", "https", "live.example.org"},
		"a list with a claim":      {mine, "127.0.0.1:7", "1.2.3.4, 203.0.113.9, 10.0.0.7", "http, HTTPS, http", "evil.example, live.example.org, inner", "203.0.113.9:0", "https", "live.example.org"},
		"a list with a bad name":   {mine, "127.0.0.1:7", "unknown, 10.0.0.7", "gopher, https", "a/b, live.example.org", "10.0.0.7:0", "https", "live.example.org"},
		"a WebSocket":              {mine, "127.0.0.1:7", "", "wss", "", "127.0.0.1:7", "https", ""},
		"an empty list":            {mine, "127.0.0.1:7", "", ",", ",", "127.0.0.1:7", "", ""},
		"a list of anyone's":       {Trust{Anyone: true}, "198.51.100.1:7", "1.2.3.4, 203.0.113.9", "http, https", "evil.example, live.example.org", "203.0.113.9:0", "https", "live.example.org"},
		"not a host, nor a scheme": {mine, "127.0.0.1:7", "", "gopher", "a\"b.example/x", "127.0.0.1:7", "", ""},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		r.Header.Set("Forwarded", "for=1.1.1.1;host=evil.example")
		for k, v := range map[string]string{"X-Forwarded-For": c.list, "X-Forwarded-Proto": c.proto, "X-Forwarded-Host": c.host} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		c.trust.Settle(r)
		if got := [...]string{r.RemoteAddr, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("Forwarded")}; got != [...]string{c.from, c.isProto, c.isHost, ""} {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Whatever is claimed there is an address, and a stranger's is its own.
func FuzzSettle(f *testing.F) {
	f.Add("127.0.0.1:7", "1.2.3.4, [::1]:9", "https, http", "a.example, b")
	f.Add("203.0.113.9:7", "fe80::1%eth0", "HTTPS", "")
	f.Fuzz(func(t *testing.T, peer, list, proto, host string) {
		if _, err := netip.ParseAddrPort(peer); err != nil {
			return
		}
		trust := Trust{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {list}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {host}}}
		trust.Settle(r)
		at, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !at.Addr().IsValid() {
			t.Fatalf("%q of %q is %q", list, peer, r.RemoteAddr)
		}
		if p := r.Header.Get("X-Forwarded-Proto"); p != "" && p != "http" && p != "https" {
			t.Fatalf("the scheme of %q is %q", proto, p)
		}
		if strings.ContainsAny(r.Header.Get("X-Forwarded-Host"), " ,/@\"\r\n") {
			t.Fatalf("the host of %q is %q", host, r.Header.Get("X-Forwarded-Host"))
		}
		if ip, _ := parse(peer); !trust.trusts(ip) && r.RemoteAddr != peer {
			t.Fatalf("%q, a stranger, is %q", peer, r.RemoteAddr)
		}
	})
}

// What the client asked for, or came to, and not what a proxy asked by.
func TestHost(t *testing.T) {
	for name, c := range map[string]struct{ host, forwarded, local, client, want string }{
		"a name":                       {"box.example.org:8443", "", "192.168.1.20:8443", "192.168.1.5:7", "box.example.org:8443"},
		"an address":                   {"192.168.1.20:8080", "", "192.168.1.20:8080", "192.168.1.5:7", "192.168.1.20:8080"},
		"IPv6":                         {"[2001:db8::1]:8080", "", "", "[2001:db8::5]:7", "[2001:db8::1]:8080"},
		"by a proxy":                   {"127.0.0.1:8080", "live.example.org", "127.0.0.1:8080", "203.0.113.9:0", "live.example.org"},
		"by a proxy that says nothing": {"127.0.0.1:8080", "", "127.0.0.1:8080", "203.0.113.9:0", ""},
		"by another such":              {"localhost:8080", "", "127.0.0.1:8080", "203.0.113.9:0", ""},
		"this machine itself":          {"localhost:8080", "", "127.0.0.1:8080", "127.0.0.1:7", "localhost:8080"},
		"nothing":                      {"", "", "192.168.1.20:8080", "192.168.1.5:7", "192.168.1.20:8080"},
		"nonsense":                     {"a/b", "", "192.168.1.20:8080", "192.168.1.5:7", "192.168.1.20:8080"},
		"nothing at all":               {"", "", "", "192.168.1.5:7", ""},
		"a very long one":              {strings.Repeat("a", 300), "", "", "192.168.1.5:7", ""},
	} {
		r := &http.Request{Host: c.host, RemoteAddr: c.client, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-Host", c.forwarded)
		}
		if c.local != "" {
			r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.local))))
		}
		if got := Host(r); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
