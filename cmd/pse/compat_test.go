package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/helios-h2020/pse/internal/process"
)

// shown is what a page says, by whatever certificate; empty when it does not answer.
func shown(t *testing.T, url string) string {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// HELIOS's ports show what the others show, with the page of a call at the
// root of the one for calls.
func TestPortsOfHELIOS(t *testing.T) {
	certified := certificatetest.Config(t)
	secure := func(...string) *tls.Config { return certified }
	f := &front{}
	if err := f.listen(HTTPConfig{Listen: "127.0.0.1:0", TLSListen: "127.0.0.1:0"}, limit.ConnectionsConfig{Most: 100}, secure, prometheus.NewRegistry(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	defer f.stop(0)
	if err := f.listenCompat("127.0.0.1:0", secure); err != nil {
		t.Fatal(err)
	}
	f.mount(func(mux *http.ServeMux) bool {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
		return true
	})
	f.serve()
	for url, want := range map[string]string{
		"http://127.0.0.1:800/":                     "/",
		"http://127.0.0.1:800/hls/cam.m3u8":         "/hls/cam.m3u8",
		"http://127.0.0.1:1080/files/x":             "/files/x",
		"https://127.0.0.1:11794/?audio=0":          "/call/",
		"https://127.0.0.1:11794/socket.io/":        "/socket.io/",
		"https://" + f.secure.Addr().String() + "/": "/",
	} {
		if got := shown(t, url); got != want {
			t.Errorf("%s shows %s, want %s", url, got, want)
		}
	}
	if err := (&front{}).listenCompat("127.0.0.1:0", nil); err == nil {
		t.Error("no error without HTTPS")
	}
}

// The whole program on HELIOS's ports: the page of a call, its signalling, HLS.
func TestServesHELIOS(t *testing.T) {
	start(t, process.PSEOptions{Workers: []string{"bus", "edge", "signal"}, Set: []string{"compat=helios"}})
	for url, want := range map[string]string{
		"https://127.0.0.1:11794/":                                   "<title>Call",
		"https://127.0.0.1:11794/socket.io/?EIO=4&transport=polling": `0{"sid":"`,
		"http://127.0.0.1:800/hls/nobody.m3u8":                       "No stream of that name",
	} {
		if got := shown(t, url); !strings.Contains(got, want) {
			t.Errorf("%s says %.300s, want %s", url, got, want)
		}
	}
}

// The relay on the ports that HELIOS's apps know, with the fixed user that is in
// their settings: over UDP, TCP, TLS and DTLS.
func TestRelaysForHELIOS(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users.conf")
	if err := os.WriteFile(users, []byte("helios:fixed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, process.PSEOptions{Workers: []string{"bus", "turn"}, Set: []string{
		"compat=helios", "turn.listen=:3478", "turn.tls_listen=:5349", "turn.users_file=" + users,
	}})
	out, err := pse(t, "turn", "test", "--user", "helios", "--password", "fixed", "--insecure", "turn:127.0.0.1")
	if err == nil {
		var more string
		more, err = pse(t, "turn", "test", "--user", "helios", "--password", "fixed", "--insecure", "turns:127.0.0.1")
		out += more
	}
	if err != nil || strings.Count(out, " relay ") != 4 || strings.Contains(out, "BAD") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, said := range regexp.MustCompile(`relays from \S+:(\d+) and \S+:(\d+)`).FindAllStringSubmatch(out, -1) {
		for _, port := range said[1:] {
			if port < "49160" || port > "49200" {
				t.Errorf("relays from %s", port)
			}
		}
	}
}
