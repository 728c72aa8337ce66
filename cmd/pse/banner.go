package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mdp/qrterminal/v3"
)

// banner prints what to paste into a phone or OBS, and where to watch. The
// key is shown on a terminal only: what else is written to is kept, and read
// by others, as journals and the logs of containers are.
func (p *program) banner(w io.Writer, names []string) error {
	var b bytes.Buffer
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "\n  PSE %s is up: %s\n\n", version(), strings.Join(names, ", "))
	if addr := p.addr("rtmp"); addr != "" {
		p.publishing(line, addr, isTerminal(w))
	}
	home := p.home()
	if slices.Contains(names, "edge") && home != "" {
		line("Watch", "%s", home)
	}
	if slices.Contains(names, "signal") {
		p.calling(line, home)
	}
	if sum := p.cert.fingerprint(); sum != "" {
		line("Root", "SHA-256 %s", sum)
	}
	if slices.Contains(names, "transfer") && home != "" {
		line("Files", "%sfiles", home)
	}
	if addr := p.addr("turn"); addr != "" {
		line("Relay", "turn:%s   (calls find it by themselves)", addr)
	}
	if slices.Contains(names, "demo") && home != "" {
		home += "watch/" + demoName
		line("Demo", "%s", home)
	}
	if p.server != nil && p.server.URL() != "" && !p.combined {
		at := busShown(p.server.URL())
		line("Bus", "%s   (workers elsewhere: --bus %s, and the password of %s by bus.password_file or PSE_BUS_PASSWORD)", at, at, passwordFile(p.cfg.Data))
	}
	if addr := p.addr("admin"); addr != "" {
		line("Admin", "http://%s/readyz, /metrics", addr)
	}
	line("Data", "%s", p.cfg.Data)
	if err := p.cert.trouble(time.Now()); err != nil {
		fmt.Fprintf(&b, "\n  !!! CERTIFICATE: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n                   "))
	}
	if p.cfg.Ingest.Open && p.addr("rtmp") != "" {
		fmt.Fprintf(&b, "\n  !!! OPEN: whoever reaches the RTMP port may publish. For a lab only.\n")
	}
	if p.cfg.Transfer.Open && slices.Contains(names, "transfer") {
		fmt.Fprintf(&b, "\n  !!! OPEN: whoever reaches the page of files may send some. For a lab only.\n")
	}
	b.WriteByte('\n')
	if home != "" && isTerminal(w) {
		qrterminal.GenerateWithConfig(home, qrterminal.Config{
			Level: qrterminal.L, Writer: &b, HalfBlocks: true, QuietZone: 2,
			BlackChar: qrterminal.BLACK_BLACK, WhiteChar: qrterminal.WHITE_WHITE,
			BlackWhiteChar: qrterminal.BLACK_WHITE, WhiteBlackChar: qrterminal.WHITE_BLACK,
		})
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

// publishing says how to publish: one URL for phones and ffmpeg, two fields for OBS.
func (p *program) publishing(line func(what, format string, args ...any), addr string, person bool) {
	host := reachable(addr)
	if h, port, err := net.SplitHostPort(host); err == nil && port == "1935" {
		if host = h; strings.Contains(h, ":") {
			host = "[" + h + "]"
		}
	}
	app := p.cfg.Ingest.Apps[0]
	p.mu.Lock()
	key := p.key
	p.mu.Unlock()
	name := "NAME"
	switch {
	case p.cfg.Ingest.Open:
	case key.Secret == "":
		name += "?key=KEY   (make a key: pse stream keys add)"
	case person:
		name += "?key=" + key.Secret
	default:
		name += "?key=KEY   (see the keys: pse stream keys)"
	}
	line("Publish", "rtmp://%s/%s/%s", host, app, name)
	line("  in OBS", "server rtmp://%s/%s   stream key %s", host, app, name)
}

// calling says where calls are.
func (p *program) calling(line func(what, format string, args ...any), home string) {
	switch at := p.calls(); {
	case at == "":
	case strings.HasPrefix(home, "https:"):
		line("Call", "%s", at)
	case strings.HasPrefix(at, "https:"):
		line("Call", "%s   (so that browsers trust it: %scertificate)", at, home)
	default:
		line("Call", "%s   (on this machine only: others need HTTPS, http.tls_listen)", at)
	}
}

// calls is the address of a call, before the name of its room: by HTTPS where that
// can be, for browsers give a camera over HTTPS only.
func (p *program) calls() string {
	home := p.home()
	if addr := p.addr("https"); addr != "" && strings.HasPrefix(home, "http:") && p.cfg.TLS.Cert == "" {
		return "https://" + reachable(addr) + "/call/"
	}
	if home == "" {
		return ""
	}
	return home + "call/"
}

// home is the address of the first page as viewers type it.
func (p *program) home() string {
	if p.cfg.HTTP.PublicURL != "" {
		return strings.TrimSuffix(p.cfg.HTTP.PublicURL, "/") + "/"
	}
	if addr := p.addr("https"); addr != "" && (p.cfg.TLS.Cert != "" || len(p.cfg.TLS.ACME.Names) > 0) { // browsers warn of a private certificate
		host, port, _ := net.SplitHostPort(reachable(addr))
		if host = p.cert.host(host); host != "" {
			u := url.URL{Scheme: "https", Host: httpsHost(host, port), Path: "/"}
			return u.String()
		}
	}
	addr := p.addr("http")
	if addr == "" {
		return ""
	}
	u := url.URL{Scheme: "http", Host: reachable(addr), Path: "/"}
	return u.String()
}

// busShown is the address of a bus as workers elsewhere give it: one that listens
// on all addresses says that it is at localhost.
func busShown(address string) string {
	at, _ := withoutPassword(address)
	u, err := url.Parse(at)
	if err == nil && u.Hostname() == "localhost" {
		u.Host = net.JoinHostPort(lanAddress(), u.Port())
		at = u.String()
	}
	return at
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
