package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/certificate"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process"
)

// The page says whether this browser trusts the box, and notices by itself when
// a person comes back who installed the root.
func TestCertificatePageTestsTheRoot(t *testing.T) {
	https := freeAddr(t)
	s := start(t, process.PSEOptions{Name: "page", Workers: []string{"bus", "edge"}, Set: []string{"http.tls_listen=" + https}})
	root, err := get("http://"+s.HTTP+rootPath, http.StatusOK)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		url   string
		roots [][]byte
		trust string
		says  string
	}{
		"without the root":        {"http://" + s.HTTP, nil, "no", "does not trust the box yet"},
		"with it":                 {"http://" + s.HTTP, [][]byte{[]byte(root)}, "yes", "This device trusts the box"},
		"with it, and over https": {"https://" + https, [][]byte{[]byte(root)}, "yes", "This device trusts the box"},
	} {
		b := certificatetest.Browser(t, c.roots...)
		p, err := b.Open(c.url+"/certificate", 400, 800)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(`document.getElementById('verdict')?.dataset.trust === '`+c.trust+`'`, 20*time.Second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		said, err := browser.Eval[string](p, `document.getElementById('verdict-text').checkVisibility() ? document.getElementById('verdict-text').textContent : ''`)
		if err != nil || !strings.Contains(said, c.says) {
			t.Errorf("%s: it says %q, %v", name, said, err)
		}
		p.Close()
		b.Close()
	}
}

// An iPhone gets the root as a configuration profile.
func TestProfileIsServed(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "profile", Workers: []string{"bus", "edge"}})
	r, err := http.Get("http://" + s.HTTP + profilePath)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != certificate.ProfileType || !strings.Contains(string(body), "com.apple.security.root") {
		t.Errorf("%s, %q, %v:\n%s", r.Status, r.Header.Get("Content-Type"), err, body)
	}
}
