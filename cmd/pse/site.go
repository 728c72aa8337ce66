package main

import (
	"net"
	"net/url"
	"strings"
)

// A site is where people find the pages of this process.
type site struct {
	cfg   *Config
	addrs *addresses
	cert  *certifier
}

// calls is the address of a call, before the name of its room: by HTTPS where that
// can be, for browsers give a camera over HTTPS only.
func (s site) calls() string {
	home := s.home()
	if addr := s.addrs.of("https"); addr != "" && strings.HasPrefix(home, "http:") && s.cfg.TLS.Cert == "" {
		return "https://" + reachable(addr) + "/call/"
	}
	if home == "" {
		return ""
	}
	return home + "call/"
}

// home is the address of the first page as viewers type it.
func (s site) home() string {
	if s.cfg.HTTP.PublicURL != "" {
		return strings.TrimSuffix(s.cfg.HTTP.PublicURL, "/") + "/"
	}
	if addr := s.addrs.of("https"); addr != "" && (s.cfg.TLS.Cert != "" || len(s.cfg.TLS.ACME.Names) > 0) { // browsers warn of a private certificate
		host, port, _ := net.SplitHostPort(reachable(addr))
		if host = s.cert.host(host); host != "" {
			u := url.URL{Scheme: "https", Host: httpsHost(host, port), Path: "/"}
			return u.String()
		}
	}
	addr := s.addrs.of("http")
	if addr == "" {
		return ""
	}
	u := url.URL{Scheme: "http", Host: reachable(addr), Path: "/"}
	return u.String()
}

// httpsHost is how a link over HTTPS names a host and a port.
func httpsHost(host, port string) string {
	if port != "443" {
		return net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// reachable replaces "all addresses" by this machine's address in its network.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = lanAddress()
	}
	return net.JoinHostPort(host, port)
}

// lanAddress is the address others in the network reach this machine by: the
// one that packets to elsewhere would carry. None is sent to find out.
func lanAddress() string {
	if c, err := net.Dial("udp", "192.0.2.1:9"); err == nil {
		defer c.Close()
		if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
			return a.IP.String()
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return "127.0.0.1"
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}
