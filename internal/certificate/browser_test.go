package certificate

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
)

// site is an HTTPS server with the certificate that current says; the port it is at.
func site(t *testing.T, current func() (*tls.Certificate, error)) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current() }})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<title>here</title>")
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// opens says whether the browser takes a page without a warning.
func opens(b *browser.Browser, url string) error {
	p, err := b.Open(url, 400, 300)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Wait(`document.title === 'here'`, 20*time.Second)
}

// A browser whose owner installed the root takes the box by name and by
// address, and no page of anybody else, whatever the root's key signs.
func TestChromiumTrustsTheBoxAlone(t *testing.T) {
	b := newBox(t, t.TempDir(), "box.local")
	ours := site(t, func() (*tls.Certificate, error) { return b.current(b.now) })
	private := site(t, func() (*tls.Certificate, error) { return b.forge("other.local"), nil })
	public := site(t, func() (*tls.Certificate, error) { return b.forge("www.example.org"), nil })
	mixed := site(t, func() (*tls.Certificate, error) { return b.forge("127.0.0.1", "www.example.org"), nil })
	chrome := certificatetest.Browser(t, b.Root().PEM)
	for _, url := range []string{"https://127.0.0.1:" + ours, "https://box.local:" + ours, "https://localhost:" + ours, "https://other.local:" + private} {
		if err := opens(chrome, url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"https://www.example.org:" + public, "https://127.0.0.1:" + mixed} {
		if opens(chrome, url) == nil {
			t.Errorf("%s is trusted with a certificate of a public site", url)
		}
	}
}

// While one root follows another, a browser that has either is served.
func TestChromiumTakesBothRoots(t *testing.T) {
	b := newBoxAt(t, t.TempDir(), time.Now().Add(overlap-rootLife), "box.local") // due for its next root by now
	old := b.root.describe(b.now)
	b.now = time.Now()
	ours := site(t, func() (*tls.Certificate, error) { return b.current(b.now) })
	if err := b.serves(old.PEM, "box.local"); err != nil {
		t.Fatal(err)
	}
	next := b.root.describe(b.now)
	if next.Fingerprint == old.Fingerprint || next.Earlier == nil || next.Earlier.Until.IsZero() {
		t.Fatalf("no overlap: %+v", next)
	}
	for name, root := range map[string][]byte{"old": old.PEM, "new": next.PEM} {
		chrome := certificatetest.Browser(t, root)
		for _, url := range []string{"https://127.0.0.1:" + ours, "https://box.local:" + ours} {
			if err := opens(chrome, url); err != nil {
				t.Errorf("%s root, %s: %v", name, url, err)
			}
		}
	}
}
