package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/accept"
)

// Whatever a raw connection takes for a plain request, net/http reads the
// same way: of the same length, with the same path and nothing special in it.
func FuzzParseHead(f *testing.F) {
	for _, s := range []string{
		"GET /hls/a/b/index.m3u8?_HLS_msn=1 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nUser-Agent: me\r\n\r\n",
		"GET /hls/a/b/1.m4s HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\nGET /",
		"GET /hls/a%2Fb/c/1.2.m4s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n",
		"GET /hls/a/b/1.m4s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"GET /hls/a/../b/1.m4s HTTP/1.1\nHost: x\n\n",
		"GET /hls/a/b/1.m4s HTTP/1.1\r\n folded: x\r\nHost: x\r\n\r\n",
		"GET /hls/\xff/b/1.m4s HTTP/1.1\r\nHost : x\r\nHost: y\r\n\r\n",
		"GET /hls/a/b/1.m4s HTTP/1.1\r\nHost: \x01\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, state := parseHead(b, "/hls/")
		if state != headPlain {
			return
		}
		rest := bytes.NewReader(b)
		in := bufio.NewReader(rest)
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http: %v", err)
		}
		if left := rest.Len() + in.Buffered(); len(b)-left != h.size {
			t.Fatalf("%d bytes, net/http takes %d", h.size, len(b)-left)
		}
		if got := strings.TrimPrefix(r.URL.Path, "/hls/"); got != h.path {
			t.Fatalf("%q, net/http has %q", h.path, got)
		}
		if r.URL.RawQuery != h.query || r.UserAgent() != string(h.agent) || accept.Gzip(r.Header) != h.gzip {
			t.Fatalf("%q %q %v, net/http has %q %q %v", h.query, h.agent, h.gzip, r.URL.RawQuery, r.UserAgent(), accept.Gzip(r.Header))
		}
		if n, _ := io.Copy(io.Discard, r.Body); n > 0 || r.Close || Conditional(r.Header) || r.Host == "" && r.Header.Get("Host") != "" {
			t.Fatalf("not a plain request: %+v", r)
		}
		// A piece of it is never taken for more than it is.
		for n := range h.size {
			if _, state := parseHead(b[:n], "/hls/"); state == headPlain {
				t.Fatalf("%q is a whole request", b[:n])
			}
		}
	})
}
