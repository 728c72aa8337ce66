package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// reachTime is how long the box may take to answer by its public address.
const reachTime = 5 * time.Second

// lookAtReach says by which addresses the box is reached, as far as that can be seen
// from here, and reads the clock of the server at public_url.
func lookAtReach(ctx context.Context, cfg Config) ([]finding, []reading) {
	all := []finding{lookAtAddresses(cfg)}
	if cfg.HTTP.PublicURL == "" {
		return all, nil
	}
	f, read := lookAtPublicURL(ctx, cfg.HTTP.PublicURL)
	return append(all, f), read
}

// lookAtAddresses says what the network makes of this machine.
func lookAtAddresses(cfg Config) finding {
	const name = "reach"
	ip, err := netip.ParseAddr(lanAddress())
	if err != nil || ip.IsLoopback() {
		return warned(name, "this machine has no address but loopback", "connect it to a network")
	}
	const untested = "whether others get through from outside cannot be seen from here"
	if !ip.IsPrivate() {
		return well(name, fmt.Sprintf("%s is an address of the Internet; %s", ip, untested))
	}
	text := fmt.Sprintf("%s is an address of the network here; %s", ip, untested)
	if cfg.HTTP.PublicURL != "" && len(cfg.Turn.ExternalIPs) == 0 && cfg.Turn.PublicHost == "" {
		return warned(name, text+", and calls that need the relay fail there, for it tells them this address", "say what the box is from outside: turn.external_ips")
	}
	return well(name, text)
}

// lookAtPublicURL asks whether PSE answers at the address that viewers are given.
func lookAtPublicURL(ctx context.Context, at string) (finding, []reading) {
	const name = "public_url"
	u, err := url.Parse(at)
	if err != nil {
		return failed(name, err.Error(), "correct http.public_url"), nil
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	_, err = net.DefaultResolver.LookupHost(ctx, u.Hostname())
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return failed(name, err.Error(), "correct http.public_url, or make that name known in the DNS"), nil
	case err != nil:
		return warned(name, err.Error(), "see whether this machine reaches a DNS server: /etc/resolv.conf"), nil
	}
	// Whether the certificate is good is another question.
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(at, "/")+"/api/publish", nil)
	if err != nil {
		return failed(name, err.Error(), "correct http.public_url"), nil
	}
	before := time.Now().Truncate(time.Second) // as the Date header is
	a, err := client.Do(req)
	if err != nil {
		return warned(name, "nobody answers from here: "+err.Error(), "open it with a phone that is not in this network; if that fails too, look at the router's forwarded ports and the proxy"), nil
	}
	defer a.Body.Close()
	var times []reading
	if there, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		times = []reading{read("the server at public_url", there, before, time.Now())}
	}
	var said saidPublishing
	if json.NewDecoder(http.MaxBytesReader(nil, a.Body, 4<<10)).Decode(&said) != nil || said.App == "" {
		return failed(name, fmt.Sprintf("what answers at %s is not PSE (%s)", at, a.Status), "correct http.public_url, or have the proxy there pass everything on"), times
	}
	return well(name, at+" leads to PSE"), times
}
