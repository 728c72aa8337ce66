package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// One setting says whose word of a client holds, for files as for calls: links are
// made of the name that the proxy was asked by, and a client's share is its own.
func TestProxiesAreBelievedByOneSetting(t *testing.T) {
	t.Parallel()
	trusts := start(t, process.PSEOptions{Name: "trusts", Workers: []string{"bus", "signal", "transfer"}, Set: []string{"signal.max_per_ip=1"}})
	doubts := start(t, process.PSEOptions{Name: "doubts", Workers: []string{"bus", "signal", "transfer"}, Set: []string{"signal.max_per_ip=1", "http.trusted_proxies=[10.0.0.0/8]"}})
	ask := func(s *process.PSE, method, path, client string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+s.HTTP+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{
			"X-Forwarded-For": client, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "live.example.org", "Forwarded": "host=evil.example",
			"Tus-Resumable": "1.0.0", "Upload-Length": "1",
		} {
			r.Header.Set(k, v)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		return a
	}
	for s, prefix := range map[*process.PSE]string{trusts: "https://live.example.org/files/", doubts: "/files/"} {
		if at := ask(s, http.MethodPost, "/files/", "203.0.113.9").Header.Get("Location"); !strings.HasPrefix(at, prefix) {
			t.Errorf("a file is at %s, want %s", at, prefix)
		}
	}
	const join = "/socket.io/?EIO=4&transport=polling"
	var got []bool
	for _, client := range []string{"203.0.113.1", "203.0.113.2", "203.0.113.1"} {
		for _, s := range []*process.PSE{trusts, doubts} {
			got = append(got, ask(s, http.MethodGet, join, client).StatusCode == http.StatusOK)
		}
	}
	if want := []bool{true, true, true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("let in were %v, want %v", got, want)
	}
}

// The names that the setting had before do still, and are told.
func TestOldNamesOfProxies(t *testing.T) {
	for name, c := range map[string]struct {
		set  []string
		want string // networks, and whether anyone is believed
		told []string
	}{
		"none":   {nil, "[127.0.0.0/8 ::1/128]", nil},
		"new":    {[]string{"http.trusted_proxies=10.0.0.0/8"}, "[10.0.0.0/8]", nil},
		"old":    {[]string{"transfer.trusted_proxies=10.0.0.0/8"}, "[10.0.0.0/8]", []string{"transfer.trusted_proxies (--set) is http.trusted_proxies now"}},
		"both":   {[]string{"transfer.trusted_proxies=10.0.0.0/8", "http.trusted_proxies=192.168.7.2/32"}, "[192.168.7.2/32]", []string{"transfer.trusted_proxies (--set) is"}},
		"anyone": {[]string{"signal.trust_proxy=true"}, "anyone", []string{"signal.trust_proxy (--set) believes whoever connects; name your proxies by http.trusted_proxies"}},
	} {
		var flags []override
		for _, kv := range c.set {
			key, value, _ := strings.Cut(kv, "=")
			flags = append(flags, override{key, value, "--set"})
		}
		l, err := load("", nil, flags)
		if err != nil {
			t.Fatal(err)
		}
		trust, err := l.trust()
		if err != nil {
			t.Fatal(err)
		}
		var networks []string
		for _, n := range trust.Networks {
			networks = append(networks, n.String())
		}
		got := "[" + strings.Join(networks, " ") + "]"
		if trust.Anyone {
			got = "anyone"
		}
		if got != c.want || len(l.old) != len(c.told) {
			t.Errorf("%s: %s, %q", name, got, l.old)
		}
		for i, want := range c.told {
			if !strings.HasPrefix(l.old[i], want) {
				t.Errorf("%s: told %q", name, l.old[i])
			}
		}
		var args []string
		for _, kv := range c.set {
			args = append(args, "--set", kv)
		}
		out, err := cli(t, []string{"HOME=" + t.TempDir()}, append([]string{"config", "check"}, args...)...)
		if err != nil || strings.Count(out, "\n") != 1+len(c.told) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// A proxy that says nothing of what it was asked for, but a name without the port, as most nginx
// are configured: the page sends files through it.
func TestFileThroughNginxThatSaysLittle(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "unsaid", Workers: []string{"bus", "edge", "transfer"}})
	at := startNginx(t, "location / { proxy_pass http://"+s.HTTP+"; proxy_set_header Host $host; }")
	file := filepath.Join(t.TempDir(), "a photo.jpg")
	if err := os.WriteFile(file, make([]byte, 3<<20), 0o600); err != nil { // more than nginx lets through at once
		t.Fatal(err)
	}
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	sender := sending(t, chrome, "http://"+at+"/files", file)
	sender.until(`document.querySelector('#files > li')?.dataset.state === 'done'`)
}

// Who waits for the next part of a stream waits by itself, also where nginx keeps what edges
// answer, as docs/operators.md has it; who comes later is answered by nginx.
func TestBlockedReloadsPassTheCacheOfNginx(t *testing.T) {
	t.Parallel()
	const viewers = 4
	var asked atomic.Int32
	all := make(chan struct{})
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == viewers {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		w.Header().Set("Cache-Control", "public, max-age=0, s-maxage=24") // as edges do
		_, _ = w.Write([]byte("#EXTM3U\n"))
	}))
	defer edge.Close()
	at := startNginx(t, "location / { return 200; }\nlocation /hls/ { proxy_pass "+edge.URL+"; proxy_cache pse_hls; proxy_cache_lock off; }",
		"proxy_cache_path "+t.TempDir()+"/cache keys_zone=pse_hls:1m;", "proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;")
	client := http.Client{Timeout: time.Minute}
	list := func() error {
		a, err := client.Get("http://" + at + "/hls/cam/source/index.m3u8?_HLS_msn=7&_HLS_part=2")
		if err != nil {
			return err
		}
		defer a.Body.Close()
		if b, err := io.ReadAll(a.Body); err != nil || string(b) != "#EXTM3U\n" {
			return fmt.Errorf("%s: %q, %v", a.Status, b, err)
		}
		return nil
	}
	answers := make(chan error, viewers)
	for range viewers {
		go func() { answers <- list() }()
	}
	for range viewers {
		if err := <-answers; err != nil {
			t.Errorf("%v, %d requests reached the edge", err, asked.Load())
		}
	}
	if err := list(); err != nil || asked.Load() != viewers {
		t.Errorf("%v, %d requests of %d reached the edge", err, asked.Load(), viewers+1)
	}
}

// startNginx starts one with a server of such a configuration, and says where it is. more goes
// beside the server.
func startNginx(t *testing.T, server string, more ...string) (at string) {
	t.Helper()
	dir, at := t.TempDir(), freeAddr(t)
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "daemon off; master_process off; pid %[1]s/pid; error_log stderr; events {}\nhttp { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n%[4]s\nserver { listen %[2]s;\n%[3]s} }\n",
		dir, at, server, strings.Join(more, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx, err := process.Start(t.Context(), process.Options{CPU: -1, Log: filepath.Join(dir, "log")}, "nginx", "-c", conf, "-p", dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)
	eventually(t, func() error { return reached(at) })
	return at
}

// reached says whether somebody listens there.
func reached(at string) error {
	c, err := net.Dial("tcp", at)
	if err == nil {
		c.Close()
	}
	return err
}

// What README gives for nginx works: pages, WebSockets, and links to files by the
// name that nginx was asked by.
func TestNginxAsREADMEHasIt(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "behind", Workers: []string{"bus", "edge", "signal", "transfer"}})
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```\n(location / \\{ .*?\n\\}\n)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("README has no location for nginx")
	}
	at := startNginx(t, strings.ReplaceAll(string(block[1]), "127.0.0.1:8080", s.HTTP))

	if link := tus(t, http.MethodPost, "http://"+at+"/files/", nil, http.StatusCreated, "Upload-Length", "1").Get("Location"); !strings.HasPrefix(link, "http://"+at+"/files/") {
		t.Errorf("a file is at %s", link)
	}
	c, a, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+at+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatalf("no WebSocket: %v, %+v", err, a)
	}
	defer c.Close()
	if _, hello, err := c.ReadMessage(); err != nil || !strings.HasPrefix(string(hello), "0{") {
		t.Errorf("%s, %v", hello, err)
	}
}
