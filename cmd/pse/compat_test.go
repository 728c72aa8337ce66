package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
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
	if err := f.listen(HTTPConfig{Listen: "127.0.0.1:0", TLSListen: "127.0.0.1:0"}, secure, prometheus.NewRegistry(), zap.NewNop()); err != nil {
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
