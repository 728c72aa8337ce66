package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var build = fstest.MapFS{
	".keep":                {},
	"home.html":            {Data: []byte("<title>home</title>" + strings.Repeat(" ", 2000))},
	"watch.html":           {Data: []byte("<title>watch</title>")},
	"call.html":            {Data: []byte("<title>call</title>")},
	"files.html":           {Data: []byte("<title>files</title>")},
	"received.html":        {Data: []byte("<title>received</title>")},
	"favicon.svg":          {Data: []byte("<svg/>")},
	"manifest.webmanifest": {Data: []byte("{}")},
	"assets/home-1a2b.js":  {Data: []byte(strings.Repeat("let a;", 1000))},
	"assets/f-1a2b.woff2":  {Data: make([]byte, 4000)},
}

func serve(build fstest.MapFS, method, path string, headers ...string) *http.Response {
	mux := http.NewServeMux()
	routes(mux, readSite(build))
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		path   string
		status int
		mime   string
		cache  string
	}{
		{"/", 200, "text/html; charset=utf-8", "no-cache"},
		{"/watch/garden", 200, "text/html; charset=utf-8", "no-cache"},
		{"/watch/garden%20&%20co%2Fx", 200, "text/html; charset=utf-8", "no-cache"},
		{"/call/family", 200, "text/html; charset=utf-8", "no-cache"},
		{"/call/", 200, "text/html; charset=utf-8", "no-cache"},
		{"/files", 200, "text/html; charset=utf-8", "no-cache"},
		{"/f/abc-def", 200, "text/html; charset=utf-8", "no-cache"},
		{"/favicon.svg", 200, "image/svg+xml", "no-cache"},
		{"/manifest.webmanifest", 200, "application/manifest+json", "no-cache"},
		{"/assets/home-1a2b.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/assets/f-1a2b.woff2", 200, "font/woff2", "public, max-age=31536000, immutable"},
		{"/home.html", 404, "", ""},
		{"/watch/", 404, "", ""},
		{"/watch/a/b", 404, "", ""},
		{"/call/a/b", 404, "", ""},
		{"/call.html", 404, "", ""},
		{"/files/", 404, "", ""}, // the worker's
		{"/f/", 404, "", ""},
		{"/assets/", 404, "", ""},
		{"/assets/nothing.js", 404, "", ""},
		{"/.keep", 404, "", ""},
		{"/favicon.ico", 404, "", ""},
	} {
		r := serve(build, "GET", c.path)
		if r.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.path, r.StatusCode, c.status)
			continue
		}
		if c.status != 200 {
			continue
		}
		h := r.Header
		if h.Get("Content-Type") != c.mime || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %q, %q", c.path, h.Get("Content-Type"), h.Get("Cache-Control"))
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", c.path, h)
		}
		if page := strings.HasPrefix(c.mime, "text/html"); page != (strings.TrimSuffix(h.Get("Content-Security-Policy"), framing) == policy) {
			t.Errorf("%s: content security policy %q", c.path, h.Get("Content-Security-Policy"))
		}
		if frames := strings.Contains(h.Get("Content-Security-Policy"), "frame-src"); frames != strings.HasPrefix(c.path, "/f/") {
			t.Errorf("%s: may frame something: %v", c.path, frames)
		}
		if page := strings.HasPrefix(c.mime, "text/html"); page != (h.Get("Permissions-Policy") == permissions) {
			t.Errorf("%s: permissions policy %q", c.path, h.Get("Permissions-Policy"))
		}
	}
	if r := serve(build, "POST", "/share"); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/files" {
		t.Errorf("POST /share: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if r := serve(build, "POST", "/"); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST /: %d", r.StatusCode)
	}
}

func TestHeadAndConditional(t *testing.T) {
	r := serve(build, "HEAD", "/")
	if r.StatusCode != 200 || r.ContentLength != 2019 || body(t, r.Body) != "" {
		t.Errorf("HEAD: %d, length %d", r.StatusCode, r.ContentLength)
	}
	etag := r.Header.Get("Etag")
	for _, header := range []string{etag, strings.TrimPrefix(etag, "W/"), `"other", ` + etag, "*"} {
		if r := serve(build, "GET", "/", "If-None-Match", header); r.StatusCode != http.StatusNotModified || body(t, r.Body) != "" {
			t.Errorf("If-None-Match %s: %d", header, r.StatusCode)
		}
	}
	if r := serve(build, "GET", "/", "If-None-Match", `W/"other"`); r.StatusCode != 200 {
		t.Errorf("another tag: %d", r.StatusCode)
	}
	if serve(build, "GET", "/watch/a").Header.Get("Etag") == etag {
		t.Error("two pages have one tag")
	}
}

func TestGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip, deflate, br": true, "gzip": true, "br, gzip;q=0.5": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=x": false, "xgzip": false,
	} {
		r := serve(build, "GET", "/assets/home-1a2b.js", "Accept-Encoding", header)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: gzip %v, want %v", header, got, want)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Vary %q", header, r.Header.Get("Vary"))
		}
		in := io.Reader(r.Body)
		if want {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			in = z
		}
		if body(t, in) != string(build["assets/home-1a2b.js"].Data) {
			t.Errorf("Accept-Encoding %q: other bytes", header)
		}
	}
	if r := serve(build, "GET", "/assets/f-1a2b.woff2", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("a font, compressed already, is compressed again")
	}
}

func TestBinaryWithoutABuildSaysSo(t *testing.T) {
	for _, path := range []string{"/", "/watch/garden"} {
		r := serve(fstest.MapFS{".keep": {}}, "GET", path)
		if page := body(t, r.Body); r.StatusCode != 200 || !strings.Contains(page, "make web") {
			t.Errorf("%s: %d %s", path, r.StatusCode, page)
		}
	}
}
