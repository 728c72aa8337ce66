package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/limit"
)

// fronted serves routes on free ports of the loopback.
func fronted(t *testing.T, cfg HTTPConfig, secure func(...string) *tls.Config, routes func(*http.ServeMux)) *front {
	t.Helper()
	f := &front{patience: testPatience}
	cfg.Listen, cfg.TLSListen = "127.0.0.1:0", "127.0.0.1:0"
	if err := f.listen(cfg, limit.ConnectionsConfig{Most: 1000}, secure, prometheus.NewRegistry(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	f.mount(func(mux *http.ServeMux) bool { routes(mux); return true })
	f.serve()
	t.Cleanup(func() { f.stop(0) }) // a second time does no harm
	return f
}

// testPatience is short enough to be waited for.
const testPatience = 100 * time.Millisecond

// A body that never comes holds neither its handler nor its connection,
// whatever answers: a handler that reads it, one that does not, or none.
func TestBodiesThatNeverCome(t *testing.T) {
	read := make(chan error, 1)
	f := fronted(t, HTTPConfig{}, nil, func(mux *http.ServeMux) {
		mux.HandleFunc("POST /reads", func(_ http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			read <- err
		})
		mux.HandleFunc("/ignores", func(http.ResponseWriter, *http.Request) {})
		mux.Handle("POST /moves", http.RedirectHandler("/files", http.StatusSeeOther))
	})
	at := f.clear.Addr().String()
	for _, target := range []string{"POST /reads", "POST /ignores", "GET /ignores", "POST /moves", "POST /nobody", "PUT /reads"} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", target)
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 ") { // until it is closed
			t.Errorf("%s: %v, %s", target, err, answer)
		}
		c.Close()
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("who reads was told %v", err)
	}
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	defer h2c.CloseIdleConnections()
	never, w := io.Pipe()
	defer w.Close()
	if r, err := (&http.Client{Transport: h2c}).Post("http://"+at+"/reads", "text/plain", never); err == nil {
		r.Body.Close()
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("over HTTP/2 who reads was told %v", err)
	}
}

// Who holds a body back is answered before it, whatever answers, however patient the
// front is with bodies.
func TestAnswersBeforeTheBody(t *testing.T) {
	f := &front{patience: time.Hour}
	if err := f.listen(HTTPConfig{Listen: "127.0.0.1:0"}, limit.ConnectionsConfig{Most: 1000}, nil, prometheus.NewRegistry(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	f.mount(func(mux *http.ServeMux) bool {
		mux.HandleFunc("/ignores", func(http.ResponseWriter, *http.Request) {})
		return false
	})
	f.serve()
	t.Cleanup(func() { f.stop(0) })
	for _, header := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked", "Content-Length: 1000\r\nExpect: 100-continue"} {
		for _, target := range []string{"POST /ignores", "GET /ignores", "POST /nobody", "PATCH /files/a"} {
			c, err := net.Dial("tcp", f.clear.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(bustest.Patience))
			fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", target, header)
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Errorf("%s, %s: %v", target, header, err)
			}
			c.Close()
		}
	}
}

// rootOf does what a phone does: it fetches the root and trusts it.
func rootOf(t *testing.T, site string) *x509.CertPool {
	t.Helper()
	get := func(path string) (body []byte, kind string) {
		r, err := http.Get(site + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", path, r.Status, err)
		}
		return b, r.Header.Get("Content-Type")
	}
	var said saidCertificate
	b, _ := get("/api/certificate")
	if err := json.Unmarshal(b, &said); err != nil || !said.Private || len(said.Fingerprint) != 32*3-1 || said.HTTPS != 8443 ||
		!said.Constrained || said.Since == nil || said.Until == nil || said.Earlier != nil {
		t.Fatalf("%s: %v", b, err)
	}
	root, kind := get(said.Root)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) || kind != "application/x-x509-ca-cert" {
		t.Fatalf("no root at %s, %s", said.Root, kind)
	}
	return pool
}

// The same pages over HTTP/1.1, cleartext HTTP/2, and HTTP/2 over TLS.
func TestProtocols(t *testing.T) {
	cert := newCertifier(Config{Data: t.TempDir()}, zap.NewNop())
	config, err := cert.open()
	if err != nil {
		t.Fatal(err)
	}
	f := fronted(t, HTTPConfig{}, config, func(mux *http.ServeMux) {
		cert.routes(mux, "127.0.0.1:8443")
		mux.HandleFunc("GET /proto", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	})
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	secure := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: rootOf(t, "http://"+f.clear.Addr().String())}}
	for _, c := range []struct {
		transport *http.Transport
		url, want string
	}{
		{&http.Transport{}, "http://" + f.clear.Addr().String(), "HTTP/1.1"},
		{h2c, "http://" + f.clear.Addr().String(), "HTTP/2.0"},
		{secure, "https://" + f.secure.Addr().String(), "HTTP/2.0"},
	} {
		defer c.transport.CloseIdleConnections()
		r, err := (&http.Client{Transport: c.transport}).Get(c.url + "/proto")
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if string(b) != c.want {
			t.Errorf("%s answered over %s, want %s", c.url, b, c.want)
		}
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}
	if c, err := tls.Dial("tcp", f.secure.Addr().String(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 is accepted")
	}
}

// A request that panics is cut off; others and the program go on.
func TestPanicOfOneRequest(t *testing.T) {
	f := fronted(t, HTTPConfig{}, nil, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /bug", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "half of")
			panic("bug")
		})
		mux.HandleFunc("GET /aborted", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		mux.HandleFunc("GET /fine", func(http.ResponseWriter, *http.Request) {})
	})
	at := "http://" + f.clear.Addr().String()
	for _, path := range []string{"/bug", "/aborted"} {
		if r, err := http.Get(at + path); err == nil {
			_, err = io.ReadAll(r.Body)
			r.Body.Close()
			if err == nil {
				t.Errorf("%s ended as if it were whole", path)
			}
		}
	}
	if _, err := get(at+"/fine", 200); err != nil {
		t.Error(err)
	}
	if got := testutil.ToFloat64(f.panics); got != 1 {
		t.Errorf("%v panics counted, want 1: an aborted answer is none", got)
	}
}

func TestLongHeadersAreRefused(t *testing.T) {
	f := fronted(t, HTTPConfig{}, nil, func(*http.ServeMux) {})
	c, err := net.Dial("tcp", f.clear.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { // until the server has enough
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n")
		for i := 0; err == nil && i < 1<<20; i++ {
			_, err = fmt.Fprintf(c, "X-%d: %0100d\r\n", i, i)
		}
	}()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", r.StatusCode)
	}
}

// An open request is answered while the front drains, a new one finds nobody.
func TestDrain(t *testing.T) {
	in, out := make(chan struct{}), make(chan struct{})
	f := fronted(t, HTTPConfig{}, nil, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
			close(in)
			<-out
			fmt.Fprint(w, "whole")
		})
	})
	at := f.clear.Addr().String()
	answer := make(chan error, 1)
	go func() {
		body, err := get("http://"+at+"/slow", 200)
		if err == nil && body != "whole" {
			err = errors.New(body)
		}
		answer <- err
	}()
	<-in
	stopped := make(chan struct{})
	go func() { f.stop(time.Minute); close(stopped) }()
	eventually(t, func() error {
		c, err := net.Dial("tcp", at)
		if err == nil {
			c.Close()
			return errors.New("it still takes connections")
		}
		return nil
	})
	close(out)
	if err := <-answer; err != nil {
		t.Error(err)
	}
	<-stopped
}
