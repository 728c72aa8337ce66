package main

import (
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

func TestBanner(t *testing.T) {
	at := func(by map[string]string) *addresses { return &addresses{by: by} }
	with := func(change func(*program)) string {
		t.Helper()
		p := &program{
			cfg: DefaultConfig(), bus: &busDialer{combined: true}, key: shownKey{key: bus.Key{Secret: "sesame"}},
			addrs: at(map[string]string{"rtmp": "10.0.0.7:1935", "http": "10.0.0.7:8080", "admin": "127.0.0.1:9090"}),
		}
		p.cfg.Data = "/data"
		change(p)
		var b strings.Builder
		if err := p.banner(&b, []string{"bus", "ingest", "edge", "signal", "transfer", "demo"}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		change    func(*program)
		want, not string
	}{
		"into a file": {
			func(*program) {},
			"Publish   rtmp://10.0.0.7/live/NAME?key=KEY   (see the keys: pse stream keys)\n    in OBS  server rtmp://10.0.0.7/live   stream key NAME?key=KEY", "sesame",
		},
		"no key": {func(p *program) { p.key.set(bus.Key{}) }, "pse stream keys add", "sesame"},
		"open":   {func(p *program) { p.cfg.Ingest.Open = true }, "!!! OPEN: whoever reaches", "?key"},
		"demo":   {func(*program) {}, "Demo      http://10.0.0.7:8080/watch/demo\n", "Bus "},
		"public address": {
			func(p *program) { p.cfg.HTTP.PublicURL = "https://live.example.org" },
			"Watch     https://live.example.org/\n", "8080",
		},
		"calls": {
			func(p *program) { p.addrs = at(map[string]string{"http": "10.0.0.7:8080", "https": "10.0.0.7:8443"}) },
			"Call      https://10.0.0.7:8443/call/   (so that browsers trust it: http://10.0.0.7:8080/certificate)\n", "Publish",
		},
		"root": {
			func(p *program) {
				p.cert = newCertifier(p.cfg, zap.NewNop())
				p.cert.dir = t.TempDir()
				if _, err := p.cert.open(); err != nil {
					t.Fatal(err)
				}
			},
			"\n  Root      SHA-256 ", "Publish\n",
		},
		"calls with a certificate": {
			func(p *program) {
				p.cfg.TLS.Cert, p.addrs = "cert.pem", at(map[string]string{"https": "10.0.0.7:8443"})
			},
			"Call      https://10.0.0.7:8443/call/\n", "trust",
		},
		"calls without HTTPS": {func(*program) {}, "http://10.0.0.7:8080/call/   (on this machine only", "https://"},
		"another port": {
			func(p *program) { p.addrs = at(map[string]string{"rtmp": "[fd00::1]:1936"}) },
			"rtmp://[fd00::1]:1936/live/NAME", "Watch",
		},
		"IPv6": {
			func(p *program) { p.addrs = at(map[string]string{"rtmp": "[fd00::1]:1935", "https": "[fd00::1]:8443"}) },
			"rtmp://[fd00::1]/live/NAME", "http://",
		},
		"files":         {func(*program) {}, "Files     http://10.0.0.7:8080/files\n", "may send"},
		"files for all": {func(p *program) { p.cfg.Transfer.Open = true }, "whoever reaches the page of files", "may publish"},
		"only the bus":  {func(p *program) { p.addrs = at(nil) }, "Data      /data", "Publish"},
	} {
		t.Run(name, func(t *testing.T) {
			got := with(c.change)
			if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("want %q and no %q in\n%s", c.want, c.not, got)
			}
		})
	}
}

func TestReachableAddress(t *testing.T) {
	for in, keep := range map[string]bool{"127.0.0.1:80": true, "10.0.0.7:1935": true, "[fd00::1]:80": true, "0.0.0.0:80": false, "[::]:80": false, ":80": false} {
		got := reachable(in)
		if (got == in) != keep || strings.HasPrefix(got, ":") || strings.Contains(got, "0.0.0.0") || strings.Contains(got, "[::]") {
			t.Errorf("reachable(%s) = %s", in, got)
		}
	}
}
