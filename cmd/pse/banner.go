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
	if addr := p.addrs.of("rtmp"); addr != "" {
		p.publishing(line, addr, isTerminal(w))
	}
	home := p.site().home()
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
	if addr := p.addrs.of("turn"); addr != "" {
		line("Relay", "turn:%s   (calls find it by themselves)", addr)
	}
	if slices.Contains(names, "demo") && home != "" {
		home += "watch/" + demoName
		line("Demo", "%s", home)
	}
	if p.bus.server != nil && p.bus.server.URL() != "" && !p.bus.combined {
		at := busShown(p.bus.server.URL())
		line("Bus", "%s   (workers elsewhere: --bus %s, and the password of %s by bus.password_file or PSE_BUS_PASSWORD)", at, at, passwordFile(p.cfg.Data))
	}
	if addr := p.addrs.of("admin"); addr != "" {
		line("Admin", "http://%s/readyz, /metrics", addr)
	}
	line("Data", "%s", p.cfg.Data)
	if err := p.cert.trouble(time.Now()); err != nil {
		fmt.Fprintf(&b, "\n  !!! CERTIFICATE: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n                   "))
	}
	if p.cfg.Ingest.Open && p.addrs.of("rtmp") != "" {
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
	key := p.key.get()
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
	switch at := p.site().calls(); {
	case at == "":
	case strings.HasPrefix(home, "https:"):
		line("Call", "%s", at)
	case strings.HasPrefix(at, "https:"):
		line("Call", "%s   (so that browsers trust it: %scertificate)", at, home)
	default:
		line("Call", "%s   (on this machine only: others need HTTPS, http.tls_listen)", at)
	}
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
