package hlscheck

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// pipes carries requests to a handler in the process, so that a test's time can be a bubble's.
type pipes struct {
	h       http.Handler
	proto   int    // HTTP's major version, 0: 2
	version uint16 // of TLS, 0: 1.3
	running sync.WaitGroup
}

func (p *pipes) RoundTrip(req *http.Request) (*http.Response, error) {
	r, w := io.Pipe()
	a := &pipeAnswer{header: http.Header{}, head: make(chan int, 1), body: w}
	p.running.Go(func() {
		p.h.ServeHTTP(a, req)
		a.WriteHeader(http.StatusOK)
		_ = w.Close()
	})
	select {
	case <-req.Context().Done():
		_ = r.Close()
		return nil, req.Context().Err()
	case status := <-a.head:
		res := &http.Response{StatusCode: status, Header: a.header, Body: r, Request: req, ProtoMajor: 2}
		if p.proto != 0 {
			res.ProtoMajor = p.proto
		}
		if req.URL.Scheme == "https" {
			res.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
			if p.version != 0 {
				res.TLS.Version = p.version
			}
		}
		return res, nil
	}
}

type pipeAnswer struct {
	header http.Header
	once   sync.Once
	head   chan int
	body   *io.PipeWriter
}

func (a *pipeAnswer) Header() http.Header { return a.header }

func (a *pipeAnswer) WriteHeader(status int) { a.once.Do(func() { a.head <- status }) }

func (a *pipeAnswer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// second is where a test's other edge is.
var second = &url.URL{Scheme: "https", Host: "other", Path: "/hls/x/index.m3u8"}
