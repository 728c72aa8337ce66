package hlscheck

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// What can be wrong with answers to directives, the master playlist and HTTP.
func directiveMutations() []mutation {
	return []mutation{
		{
			"reload.waits", "answered at once", onAsk(func(q *query) { q.want = q.newest }),
			[]string{"reload.past-last", "http.same-bytes"},
		},
		{"reload.past-last", "refused", onAsk(func(q *query) {
			if q.hasPart && q.part >= partsPerSegment {
				q.status = http.StatusBadRequest
			}
		}), []string{"http.found", "part.on-time"}},
		{"reload.past-last", "answered at once", onAsk(func(q *query) {
			if q.hasPart && q.part >= partsPerSegment {
				q.want = q.newest
			}
		}), nil},
		{"reload.old", "waits for the next segment", onAsk(func(q *query) {
			if q.hasMSN && !q.hasPart {
				q.want = q.newest + partsPerSegment
			}
		}), nil},
		{"reload.part-alone", "ignored", onAsk(func(q *query) {
			if q.hasPart && !q.hasMSN {
				q.status = 0
			}
		}), nil},
		{"reload.far", "waits", onAsk(func(q *query) {
			if q.status == http.StatusBadRequest && q.hasMSN {
				q.status, q.want = 0, q.newest+1
			}
		}), nil},
		{"reload.timeout", "it blocks for ever", func(f *fake, p *pipes, o *Options) {
			stops(f, p, o)
			f.ask = func(q *query) { q.limit = time.Hour }
		}, nil},
		{"reload.timeout", "503 after a second", func(f *fake, p *pipes, o *Options) {
			stops(f, p, o)
			o.Outage = 500 * time.Millisecond
			f.ask = func(q *query) { q.limit = time.Second }
		}, []string{"part.on-time", "http.found", "reload.waits"}},
		{"reload.ended", "refused", func(f *fake, p *pipes, o *Options) {
			stops(f, p, o)
			f.ask = func(q *query) {
				if q.newest == (f.ends+1)*partsPerSegment-1 && q.hasMSN {
					q.status = http.StatusBadRequest
				}
			}
		}, []string{"http.found"}},
		{
			"delta.skip", "none", onList(func(q *query, l *List) { q.skip = false; l.Skips, l.MSN, l.Skipped = 0, l.MSN+l.Skipped, 0 }),
			[]string{"delta.complete"},
		},
		{"delta.version", "version 6", onList(func(_ *query, l *List) { l.Version = 6 }), nil},
		{"delta.boundary", "one segment more is skipped", onList(func(q *query, l *List) {
			if l.Skips > 0 {
				l.Segments, l.Skipped = l.Segments[1:], l.Skipped+1
			}
		}), nil},
		{"delta.complete", "dates are left out", onList(func(_ *query, l *List) {
			if l.Skips > 0 {
				l.Segments[1].PDT = time.Time{}
			}
		}), nil},
		{"delta.complete", "reports are left out", onList(func(_ *query, l *List) {
			if l.Skips > 0 {
				l.Reports = nil
			}
		}), nil},
	}
}

func masterMutations() []mutation {
	return []mutation{
		{"master.bandwidth", "none", onMaster(func(m *Master) { m.Variants[0].Bandwidth = 0 }), []string{"master.cellular"}},
		{
			"master.bandwidth", "below the peak", onMaster(func(m *Master) {
				m.Variants[0].Bandwidth = m.Variants[0].Bandwidth * 9 / 10
				m.Variants[0].Average = 300000
			}),
			[]string{"master.average"},
		},
		{"master.average", "none", onMaster(func(m *Master) { m.Variants[0].Average = 0 }), nil},
		{"master.average", "above the peak", onMaster(func(m *Master) { m.Variants[0].Average = 2 * m.Variants[0].Bandwidth }), nil},
		{"master.average", "a tenth", onMaster(func(m *Master) { m.Variants[0].Average /= 10 }), nil},
		{"master.codecs", "none", onMaster(func(m *Master) { m.Variants[0].Codecs = nil }), nil},
		{"master.codecs", "another profile", onMaster(func(m *Master) { m.Variants[0].Codecs[0] = "avc1.640028" }), nil},
		{"master.codecs", "no audio", onMaster(func(m *Master) { m.Variants[0].Codecs = m.Variants[0].Codecs[:1] }), nil},
		{"master.resolution", "none", onMaster(func(m *Master) { m.Variants[0].Width = 0 }), nil},
		{"master.resolution", "another", onMaster(func(m *Master) { m.Variants[0].Height = 96 }), nil},
		{"master.frame-rate", "none", onMaster(func(m *Master) { m.Variants[0].FrameRate = 0 }), nil},
		{"master.frame-rate", "25", onMaster(func(m *Master) { m.Variants[0].FrameRate = 25 }), nil},
		{"master.several", "one", onMaster(func(m *Master) { m.Variants = m.Variants[:1] }), []string{"master.cellular", "master.audio-only", "report.relative"}},
		{"master.cellular", "193 kbit/s", onMaster(func(m *Master) {
			for i := range m.Variants {
				m.Variants[i].Bandwidth = max(m.Variants[i].Bandwidth, 193000)
			}
		}), nil},
		{"master.audio-only", "none", onMaster(func(m *Master) { m.Variants = m.Variants[:2] }), []string{"report.relative"}},
		{"master.audio-group", "none", onMaster(func(m *Master) { m.Media = nil }), nil},
	}
}

func httpMutations() []mutation {
	return []mutation{
		{"http.gzip", "never", func(f *fake, _ *pipes, _ *Options) {
			f.header = func(r *http.Request, _ int, h http.Header) { h.Del("Content-Encoding") }
		}, nil},
		{"http.gzip", "always", onHeader(func(r *http.Request, status int, h http.Header) {
			if strings.HasSuffix(r.URL.Path, "m3u8") && status == http.StatusOK {
				h.Set("Content-Encoding", "gzip")
			}
		}), nil},
		{"http.gzip", "no Vary", onHeader(func(_ *http.Request, _ int, h http.Header) { h.Del("Vary") }), nil},
		{"http.no-redirect", "a segment is elsewhere", func(f *fake, _ *pipes, _ *Options) {
			f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if id, ok := fileOf(r); ok && id.segment == oneSegment {
					w.Header().Set("Location", "elsewhere")
					f.refuse(w, r, http.StatusFound)
					return
				}
				next(w, r)
			}
		}, []string{"http.found", "http.cache-error", "part.stays", "hint.blocks"}},
		{"http.type-playlist", "x-mpegurl", onHeader(func(r *http.Request, _ int, h http.Header) {
			if !mediaFile(r) || strings.HasSuffix(r.URL.Path, "m3u8") {
				h.Set("Content-Type", "audio/x-mpegurl")
			}
		}), nil},
		{"http.type-media", "audio is video/mp4", onHeader(func(_ *http.Request, _ int, h http.Header) {
			if h.Get("Content-Type") == "audio/mp4" {
				h.Set("Content-Type", "video/mp4")
			}
		}), nil},
		{"http.2", "HTTP/1.1", func(_ *fake, p *pipes, _ *Options) { p.proto = 1 }, nil},
		{"http.tls", "TLS 1.1", func(_ *fake, p *pipes, _ *Options) { p.version = tls.VersionTLS11 }, nil},
		{"http.same-bytes", "a comment for each", func(f *fake, _ *pipes, _ *Options) {
			var n atomic.Int64
			f.text = func(_ *query, s string) string { return s + fmt.Sprintf("# %d\n", n.Add(1)) }
		}, []string{"http.same-edges", "http.etag"}},
		{"http.same-edges", "the other edge has other segments", func(f *fake, _ *pipes, _ *Options) {
			f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				next(w, r)
				if _, ok := fileOf(r); ok && r.URL.Host == second.Host {
					_, _ = w.Write([]byte{0, 0, 0, 8, 'f', 'r', 'e', 'e'})
				}
			}
		}, nil},
		{"http.cache-blocking", "never", onHeader(func(r *http.Request, _ int, h http.Header) {
			if r.URL.RawQuery != "" {
				h.Set("Cache-Control", "no-cache")
			}
		}), nil},
		{"http.cache-media", "not immutable", onHeader(func(r *http.Request, status int, h http.Header) {
			if !strings.HasSuffix(r.URL.Path, "m3u8") && status == http.StatusOK {
				h.Set("Cache-Control", "max-age=3600")
			}
		}), nil},
		{"http.cache-live", "two seconds", onHeader(func(r *http.Request, status int, h http.Header) {
			if r.URL.RawQuery == "" && strings.HasSuffix(r.URL.Path, "m3u8") {
				h.Set("Cache-Control", "max-age=2")
			}
		}), nil},
		{"http.cache-error", "an hour", onHeader(func(_ *http.Request, status int, h http.Header) {
			if status >= 400 {
				h.Set("Cache-Control", "max-age=3600")
			}
		}), nil},
		{"http.etag", "none", onHeader(func(_ *http.Request, _ int, h http.Header) { h.Del("ETag") }), nil},
		{"http.cors", "one origin", onHeader(func(_ *http.Request, _ int, h http.Header) { h.Set("Access-Control-Allow-Origin", "https://fake") }), nil},
		{"http.cors", "credentials", onHeader(func(_ *http.Request, _ int, h http.Header) { h.Set("Access-Control-Allow-Credentials", "true") }), nil},
		{"size.playlist", "2 MiB of comments", func(f *fake, _ *pipes, _ *Options) {
			f.text = func(q *query, s string) string {
				if q.newest%25 == 0 {
					s += "#" + strings.Repeat("x", 2*maxPlaylist) + "\n"
				}
				return s
			}
		}, []string{"http.found", "part.on-time", "reload.waits"}},
		{"size.media", "a segment of 33 MiB", func(f *fake, _ *pipes, _ *Options) {
			f.media = func(p partID, b []byte) []byte {
				if p.segment == oneSegment && p.part == -1 && p.rendition == "high" {
					n := maxMedia
					b = append(slices.Clone(b), byte(n>>24), byte(n>>16), byte(n>>8), byte(n), 'f', 'r', 'e', 'e')
					b = append(b, make([]byte, maxMedia-8)...)
				}
				return b
			}
		}, []string{"http.found"}},
	}
}
