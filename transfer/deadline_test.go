package transfer

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/helios-h2020/pse/internal/progress/progresstest"
)

// A receiver may be as slow as it likes as long as it takes bytes. One that
// takes none is let go of.
func TestSlowReceivers(t *testing.T) {
	const size, stall = 1 << 20, time.Minute
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	for protocol, set := range map[string]func(*http.Protocols){
		"HTTP1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP2": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		for kind, open := range map[string]func() (io.ReadCloser, error){
			"file":   func() (io.ReadCloser, error) { return os.Open(file) },
			"object": func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(make([]byte, size))), nil },
		} {
			t.Run(protocol+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := make(chan error, 1)
					network, protocols := make(progresstest.Pipes), &http.Protocols{}
					set(protocols)
					server := &http.Server{Protocols: protocols, WriteTimeout: 2 * time.Minute, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						f, err := open()
						if err != nil {
							sent <- err
							return
						}
						defer f.Close()
						p, _ := newDeadlineWriter(rw, r, stall)
						time.Sleep(10 * time.Minute) // it waits for the file to grow
						_, err = io.CopyN(p, f, size)
						sent <- err
					})}
					go func() { _ = server.Serve(network) }()
					transport := &http.Transport{DialContext: network.Dial, Protocols: protocols}
					defer func() { transport.CloseIdleConnections(); close(network); server.Close() }()
					get := func() io.ReadCloser {
						a, err := (&http.Client{Transport: transport}).Get("http://x/")
						if err != nil {
							t.Fatal(err)
						}
						return a.Body
					}
					slow := get()
					n := int64(0)
					for ; ; time.Sleep(time.Second) {
						m, err := io.CopyN(io.Discard, slow, 4<<10)
						if n += m; err != nil {
							break
						}
					}
					slow.Close()
					if err := <-sent; n != size || err != nil {
						t.Errorf("a slow receiver was cut after %d of %d bytes: %v", n, size, err)
					}
					if protocol == "HTTP2" {
						return // its client buffers as much as this
					}
					stuck := get()
					if err := <-sent; err == nil {
						t.Error("all was sent to one that takes nothing")
					}
					stuck.Close()
				})
			})
		}
	}
}
