package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
)

// fronted serves routes on free ports of the loopback.
func fronted(t *testing.T, cfg HTTPConfig, routes func(*http.ServeMux)) *front {
	t.Helper()
	f := &front{}
	cfg.Listen, cfg.TLSListen = "127.0.0.1:0", "127.0.0.1:0"
	if err := f.listen(cfg, prometheus.NewRegistry(), zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	f.mount(func(mux *http.ServeMux) bool { routes(mux); return true })
	f.serve()
	t.Cleanup(func() { f.stop(0) }) // a second time does no harm
	return f
}

// certify writes a certificate for 127.0.0.1 with this serial number.
func certify(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// The same pages over HTTP/1.1, cleartext HTTP/2, and HTTP/2 over TLS.
func TestProtocols(t *testing.T) {
	cert, key := certify(t, t.TempDir(), 1)
	f := fronted(t, HTTPConfig{TLSCert: cert, TLSKey: key}, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /proto", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	})
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	secure := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
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

func TestCertificateFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := certify(t, dir, 1)
	p := &keyPair{cert: cert, key: key, log: zap.NewNop()}
	serial := func() int64 {
		t.Helper()
		p.checked = time.Time{} // as if recheck had passed
		c, err := p.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
	certify(t, dir, 2)
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("after it was renewed: serial %d, want 2", got)
	}
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("with a broken file: serial %d, want the old one, 2", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("without a file: serial %d, want the old one, 2", got)
	}
}

// A request that panics is cut off; others and the program go on.
func TestPanicOfOneRequest(t *testing.T) {
	f := fronted(t, HTTPConfig{}, func(mux *http.ServeMux) {
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
	f := fronted(t, HTTPConfig{}, func(*http.ServeMux) {})
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
	f := fronted(t, HTTPConfig{}, func(mux *http.ServeMux) {
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
