package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
)

// Where there is nothing people get a page and programs a line, and each what
// tells a client to try again or not.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	f := fronted(t, HTTPConfig{}, nil, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /here", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "it is") })
		mux.HandleFunc("POST /takes", func(http.ResponseWriter, *http.Request) {})
	})
	base := "http://" + f.clear.Addr().String()
	const people = "text/html,application/xhtml+xml,*/*;q=0.8"
	expect := func(path, accept string, status int, mime, text string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		body, _ := io.ReadAll(a.Body)
		if a.StatusCode != status || !strings.HasPrefix(a.Header.Get("Content-Type"), mime) || !strings.Contains(string(body), text) {
			t.Errorf("%s for %s: %s, %s, %s", path, accept, a.Status, a.Header.Get("Content-Type"), body)
		}
		if again := a.Header.Get("Retry-After") != ""; again != (status == http.StatusServiceUnavailable) {
			t.Errorf("%s: try again %v", path, again)
		}
	}
	expect("/here", people, 200, "text/plain", "it is")
	expect("/nowhere", people, 404, "text/html", "There is nothing here")
	expect("/nowhere", "*/*", 404, "text/plain", "404 page not found")
	expect("/takes", "*/*", 405, "text/plain", "Method Not Allowed")
	expect("/robots.txt", "*/*", 200, "text/plain", "Disallow: /\n")

	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	page, err := chrome.Open(base+"/nowhere", 390, 800)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	accessible(t, page, "{}")

	f.mount(func(*http.ServeMux) bool { return false })
	expect("/here", people, 503, "text/html", "Just a moment")
	expect("/here", "*/*", 503, "text/plain", "starting, try again in a second")
	if err := page.Go(base + "/here"); err != nil {
		t.Fatal(err)
	}
	accessible(t, page, "{}")
	// It comes by itself.
	f.mount(func(mux *http.ServeMux) bool {
		mux.HandleFunc("GET /here", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "it is") })
		return true
	})
	if err := page.Wait(`document.body.innerText.includes("it is")`, time.Minute); err != nil {
		t.Error(err)
	}
}

// While the box starts a tus client that asks where its upload is learns that it is to ask
// again: at 503 tus-js-client forgets it.
func TestUploadsAreKeptWhileStarting(t *testing.T) {
	f := fronted(t, HTTPConfig{}, nil, func(*http.ServeMux) {})
	f.mount(func(*http.ServeMux) bool { return false })
	for _, c := range []struct {
		method, version string
		want            int
	}{
		{http.MethodHead, "1.0.0", http.StatusLocked},
		{http.MethodHead, "", http.StatusServiceUnavailable},
		{http.MethodPatch, "1.0.0", http.StatusServiceUnavailable},
		{http.MethodPost, "1.0.0", http.StatusServiceUnavailable},
	} {
		r, err := http.NewRequest(c.method, "http://"+f.clear.Addr().String()+"/files/a-b", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.version != "" {
			r.Header.Set("Tus-Resumable", c.version)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != c.want || a.Header.Get("Retry-After") == "" || a.StatusCode == http.StatusLocked && a.Header.Get("Tus-Resumable") != "1.0.0" {
			t.Errorf("%s %q: %s %v, want %d", c.method, c.version, a.Status, a.Header, c.want)
		}
	}
}
