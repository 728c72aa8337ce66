package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process"
)

// The pages for watching, calls and files work through proxies that nobody told of
// PSE: two nginx one behind the other with their defaults (HTTP/1.0 to the box, no WebSockets,
// all buffered, 1 MB a body), of which the first speaks HTTP/2 with the browser, and Caddy.
func TestPagesBehindProxies(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "behind"})
	broadcasting(t, s, "cam", small)
	chrome, err := browser.Start(t.Context(), browser.AnyCertificate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	cert, key := certificatetest.Write(t, t.TempDir(), 1)
	inner := startNginx(t, "location / { proxy_pass http://"+s.HTTP+"; }")
	outer := freeAddr(t)
	startNginx(t, "", fmt.Sprintf("server { listen %s ssl http2; ssl_certificate %s; ssl_certificate_key %s; location / { proxy_pass http://%s; } }", outer, cert, key, inner))
	for _, proxy := range []struct{ name, page string }{
		{"nginx behind nginx", "https://" + outer},
		{"caddy", startCaddy(t, s.HTTP)},
	} {
		t.Run(proxy.name, func(t *testing.T) {
			if proxy.name == "caddy" && os.Getenv("PSE_LONG") == "" {
				t.Skip("long: make test-long runs it")
			}
			watch := playing(t, chrome, proxy.page+"/watch/cam", 60)
			if said := watch.Problems(); len(said) > 0 {
				t.Errorf("the watch page's console said %q", said)
			}
			watch.Close()

			room := proxy.page + "/call/" + filepath.Base(t.Name())
			ann := call(t, chrome, room, "Ann", 1280, 800)
			ben := call(t, chrome, room, "Ben", 390, 844)
			ann.meets(1)
			ben.meets(1)
			ann.Close()
			ben.Close()

			file := filepath.Join(t.TempDir(), "a photo.jpg")
			if err := os.WriteFile(file, make([]byte, 3<<20), 0o600); err != nil { // more than nginx lets through at once
				t.Fatal(err)
			}
			sender := sending(t, chrome, proxy.page+"/files", file)
			sender.until(`document.querySelector('#files > li')?.dataset.state === 'done'`)
		})
	}
}

// startCaddy starts one before a box, and says where it is.
func startCaddy(t *testing.T, box string) (page string) {
	t.Helper()
	dir, at := t.TempDir(), freeAddr(t)
	conf := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "{\n\tskip_install_trust\n\tadmin off\n\tauto_https disable_redirects\n}\nhttps://%s {\n\ttls internal\n\treverse_proxy %s\n}\n", at, box), 0o600); err != nil {
		t.Fatal(err)
	}
	caddy, err := process.Start(t.Context(), process.Options{CPU: -1, Log: filepath.Join(dir, "log"), Env: []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}},
		"caddy", "run", "--config", conf, "--adapter", "caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caddy.Stop)
	eventually(t, func() error { return reached(at) })
	return "https://" + at
}

// A proxy that hands on requests only when it has all of them loses what it has when
// the connection breaks: the page never has much in one request, and goes on.
func TestBufferingProxyLosesLittle(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "buffered", Workers: []string{"bus", "edge", "transfer"}})
	const size = 12 << 20
	n := newNarrows(t, startNginx(t, "client_max_body_size 0; location / { proxy_pass http://"+s.HTTP+"; }"), 7<<20)
	file := filepath.Join(t.TempDir(), "a film.mp4")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	sender := sending(t, chrome, n.URL+"/files", file)
	eventually(t, func() error {
		if sent := n.sent.Load(); sent < n.pass {
			return fmt.Errorf("%d bytes are on their way", sent)
		}
		return nil
	})
	n.CloseClientConnections() // the link breaks, in the middle of a request
	n.widen()
	sender.until(`document.querySelector('#files > li')?.dataset.state === 'done'`)
	if again := n.sent.Load() - size; again > 4<<20 { // all in one request: 7 MiB
		t.Errorf("%d bytes were sent twice", again)
	}
}
