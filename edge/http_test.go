package edge_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

func gunzip(t *testing.T, s string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHTTPOfPlaylists(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a:b", edgetest.Plan{Bus: b})
	st.Segments(8)
	s := startEdge(t, b, nil)
	for path, cache := range map[string]string{
		"/hls/a:b/index.m3u8":                               "max-age=1",
		"/hls/a:b.m3u8":                                     "no-cache",
		"/hls/a:b/source/index.m3u8":                        "no-cache",
		"/hls/a:b/source/index.m3u8?_HLS_msn=7&_HLS_part=9": "public, max-age=0, s-maxage=24",
		"/hls/a:b_1.m3u8":                                   "no-cache",
	} {
		plain := s.want(200, path)
		for key, want := range map[string]string{
			"Content-Type": "application/vnd.apple.mpegurl", "Access-Control-Allow-Origin": "*", "Vary": "Accept-Encoding",
			"Cache-Control": cache, "Content-Encoding": "", "Access-Control-Allow-Credentials": "",
		} {
			if got := plain.header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
		etag := plain.header.Get("Etag")
		zipped := s.want(200, path, "Accept-Encoding", "br;q=1, gzip;q=0.5")
		if gunzip(t, zipped.body) != plain.body || zipped.header.Get("Etag") == etag || zipped.header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: zipped is another, %v", path, zipped.header)
		}
		for _, no := range []string{"gzip;q=0", "gzip; q=0.000", "*;q=0", "identity", "br", "gzip;q=0, *"} {
			if r := s.want(200, path, "Accept-Encoding", no); r.body != plain.body || r.header.Get("Content-Encoding") != "" {
				t.Errorf("%s: zipped for %q", path, no)
			}
		}
		for _, yes := range []string{"*", "GZIP", "x-gzip", "deflate, gzip"} {
			if r := s.want(200, path, "Accept-Encoding", yes); r.header.Get("Content-Encoding") != "gzip" {
				t.Errorf("%s: not zipped for %q", path, yes)
			}
		}
		for _, tag := range []string{etag, "W/" + etag, `"x", ` + etag, "*"} {
			if r := s.want(304, path, "If-None-Match", tag); r.body != "" || r.header.Get("Etag") != etag || r.header.Get("Cache-Control") != cache {
				t.Errorf("%s: 304 with %v", path, r.header)
			}
		}
		s.want(200, path, "If-None-Match", `"x"`)
		head := s.do("HEAD", path)
		if head.status != 200 || head.body != "" || head.header.Get("Content-Length") != plain.header.Get("Content-Length") || head.header.Get("Etag") != etag {
			t.Errorf("HEAD %s: %d %v", path, head.status, head.header)
		}
	}
	if r := s.do("OPTIONS", "/hls/a:b/source/index.m3u8", "Origin", "https://example.com", "Access-Control-Request-Headers", "range"); r.status != 204 ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "Range") || r.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("OPTIONS: %d %v", r.status, r.header)
	}
	if flat := s.want(200, "/hls/a:b.m3u8"); !strings.Contains(flat.body, "\na%3Ab/source/index.m3u8\n") {
		t.Errorf("a colon in a relative URI:\n%s", flat.body)
	}
}

func TestHTTPOfMedia(t *testing.T) {
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b, PartBytes: 70_000})
	st.Segments(3)
	s := startEdge(t, b, nil)
	var segment bytes.Buffer
	for i := range 10 {
		segment.Write(edgetest.Media("source", 1, i, 70_000))
	}
	for path, media := range map[string]string{
		"/hls/a/source/1.m4s":       segment.String(),
		"/hls/a/source/1.3.m4s":     string(edgetest.Media("source", 1, 3, 70_000)),
		"/hls/a/source/source0.mp4": "init source0",
	} {
		r := s.want(200, path)
		if r.body != media {
			t.Errorf("%s: other bytes", path)
		}
		for key, want := range map[string]string{
			"Content-Type": "video/mp4", "Access-Control-Allow-Origin": "*", "Accept-Ranges": "bytes",
			"Cache-Control": "public, max-age=240, immutable", "Content-Encoding": "",
		} {
			if got := r.header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
		etag := r.header.Get("Etag")
		n := len(media)
		for spec, want := range map[string]string{
			"bytes=0-4": media[:5], "bytes=5-": media[5:], "bytes=-3": media[n-3:], "bytes=2-999999999": media[2:],
		} {
			if r := s.want(206, path, "Range", spec); r.body != want || r.header.Get("Content-Range") == "" {
				t.Errorf("%s %s: %d bytes, want %d", path, spec, len(r.body), len(want))
			}
		}
		if n > 150_000 {
			if r := s.want(206, path, "Range", "bytes=69990-140010"); r.body != media[69990:140011] {
				t.Errorf("%s: a range over three parts is wrong", path)
			}
		}
		s.want(416, path, "Range", "bytes=999999999-")
		s.want(206, path, "Range", "bytes=0-0", "If-Range", etag)
		s.want(200, path, "Range", "bytes=0-0", "If-Range", `"x"`)
		s.want(304, path, "If-None-Match", etag)
		s.want(412, path, "If-Match", `"x"`)
		if head := s.do("HEAD", path); head.status != 200 || head.body != "" || head.header.Get("Content-Length") != r.header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, head.status, head.header)
		}
	}
	if r := s.want(200, "/hls/a/audio/0.0.m4s"); r.header.Get("Content-Type") != "audio/mp4" {
		t.Errorf("audio is %v", r.header)
	}
}
