package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// administered serves an admin listener on a free port.
func administered(t *testing.T, cfg AdminConfig) (base string) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	a, err := newAdmin(cfg, true, 100, prometheus.NewRegistry(), func() map[string]error { return map[string]error{"edge": nil} }, func() map[string]error { return nil }, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	return "http://" + a.listener.Addr().String()
}

// ask is a request with headers; "Host" is one too.
func ask(t *testing.T, url string, headers ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// A page of a website, also one whose name is made to lead here, reads nothing.
func TestAdminAnswersNoPages(t *testing.T) {
	base := administered(t, AdminConfig{Hosts: []string{"box.example.org"}})
	for _, c := range []struct {
		headers []string
		want    int
	}{
		{nil, 200},
		{[]string{"Host", "localhost:9090"}, 200},
		{[]string{"Host", "[::1]:9090"}, 200},
		{[]string{"Host", "192.168.1.20:9090"}, 200},
		{[]string{"Host", "pse:9090"}, 200}, // a scraper in a container
		{[]string{"Host", "Box.example.org:9090"}, 200},
		{[]string{"Host", "evil.example"}, 403},
		{[]string{"Host", "evil.example:9090", "Origin", "http://evil.example:9090"}, 403},
		{[]string{"Host", "127.0.0.1.evil.example:9090"}, 403},
		{[]string{"Host", "localhost.evil.example"}, 403},
		{[]string{"Host", "other.example.org:9090"}, 403},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Origin", base}, 200},
		{[]string{"Origin", "http://localhost:8080"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, 403},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 200}, // a link of a dashboard
		{[]string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, 200},
	} {
		for _, path := range []string{"/readyz", "/metrics", "/healthz"} {
			if status, body := ask(t, base+path, c.headers...); status != c.want {
				t.Errorf("%s %q: %d, want %d: %s", path, c.headers, status, c.want, body)
			}
		}
	}
	if _, body := ask(t, base+"/readyz", "Host", "evil.example"); !strings.Contains(body, "admin.hosts") {
		t.Errorf("who is refused is told %q", body)
	}
}

// Profiles are there when they are asked for, the command line never.
func TestProfilesAreOff(t *testing.T) {
	off, on := administered(t, AdminConfig{}), administered(t, AdminConfig{Pprof: true})
	for _, path := range []string{"", "cmdline", "profile?seconds=1", "heap", "goroutine?debug=1"} {
		if status, body := ask(t, off+"/debug/pprof/"+path); status != 404 || !strings.Contains(body, "admin.pprof") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := ask(t, on+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := ask(t, on+"/debug/pprof/cmdline"); status != 404 || strings.Contains(body, "-test.") {
		t.Errorf("the command line: %d %s", status, body)
	}
}

// An address that nobody asked for may be taken: the next one does as well. One
// that was asked for may not.
func TestAdminFindsAPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	core, said := observer.New(zap.InfoLevel)
	listen := func(asked bool) (*admin, error) {
		none := func() map[string]error { return nil }
		return newAdmin(AdminConfig{Listen: taken.Addr().String()}, asked, 100, prometheus.NewRegistry(), none, none, zap.New(core))
	}
	a, err := listen(false)
	if err != nil {
		t.Fatal(err)
	}
	defer a.stop()
	if _, err := get("http://"+a.listener.Addr().String()+"/healthz", 200); err != nil {
		t.Error(err)
	}
	if said.FilterField(zap.String("instead", a.listener.Addr().String())).Len() != 1 {
		t.Errorf("it says %v", said.All())
	}
	if a, err := listen(true); err == nil {
		a.stop()
		t.Error("it listens elsewhere than it was told to")
	} else if !strings.Contains(err.Error(), "--admin") {
		t.Error(err)
	}
}
