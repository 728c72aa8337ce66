package hlscheck

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// What can be wrong with parts, segments and inits.
func mediaMutations() []mutation {
	return []mutation{
		{"media.idr", "segments start with the second frame of a GOP", onSample(func(p partID, track int, s *mp4.FullSample) {
			if c, _ := clips(); s.IsSync() && track == 0 && p.rendition != "audio" {
				s.Data = c[p.rendition].frames[1]
				s.Size = uint32(len(s.Data))
			}
		}), []string{"part.independent"}},
		{"media.continuous", "audio skips a frame at a segment's start", onSample(func(p partID, track int, s *mp4.FullSample) {
			if p.segment > oneSegment && track == 1 {
				s.DecodeTime += audioFrame
			}
		}), nil},
		{"media.continuous", "a jump in a segment", onSample(func(p partID, track int, s *mp4.FullSample) {
			if p.segment > oneSegment && p.part > 4 && track == 0 && p.rendition == "high" {
				s.DecodeTime += 90
			}
		}), []string{"segment.duration"}},
		{"media.map", "none", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].Map = ""
			}
			if l.Open != nil {
				l.Open.Map = ""
			}
		}), []string{"media.hevc"}},
		{"media.hevc", "HEVC without EXT-X-MAP", func(f *fake, _ *pipes, _ *Options) {
			f.master = func(m *Master) { m.Variants[0].Codecs[0] = "hvc1.1.6.L93.B0" }
			f.list = func(_ *query, l *List) {
				for i := range l.Segments {
					l.Segments[i].Map = ""
				}
				if l.Open != nil {
					l.Open.Map = ""
				}
			}
		}, []string{"media.map"}},
		{"segment.is-its-parts", "a frame differs", func(f *fake, _ *pipes, _ *Options) {
			f.media = func(p partID, b []byte) []byte {
				if p.segment == oneSegment && p.part < 0 {
					b = slices.Clone(b)
					b[len(b)-1] ^= 1
				}
				return b
			}
		}, nil},
		{"part.independent", "all parts say so", onList(func(_ *query, l *List) {
			eachListed(l, func(_ *Segment, _ int, p *Part) { p.Independent = true })
		}), nil},
		{"part.independent", "no part says so", onList(func(_ *query, l *List) {
			eachListed(l, func(_ *Segment, _ int, p *Part) { p.Independent = false })
		}), nil},
		{"segment.duration", "EXTINF is 30 ms short", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].Duration -= 30 * time.Millisecond
			}
		}), []string{"pdt.continuous", "delta.boundary", "master.bandwidth"}},
		{"segment.same-length", "EXTINF is 3 ms short in one rendition", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if q.rendition == "audio" {
					l.Segments[i].Duration -= 3 * time.Millisecond
				}
			}
		}), []string{"pdt.continuous", "delta.boundary"}},
		{"part.duration", "DURATION is 30 ms short", onList(func(_ *query, l *List) {
			l.PartTarget = 70 * time.Millisecond
			eachListed(l, func(_ *Segment, _ int, p *Part) { p.Duration = 70 * time.Millisecond })
		}), []string{"part.on-time", "delta.boundary"}},
		{boxesRule, "a part is cut", func(f *fake, _ *pipes, _ *Options) {
			f.media = func(p partID, b []byte) []byte {
				if p.segment == oneSegment && p.part == 3 {
					return b[:len(b)-1]
				}
				return b
			}
		}, []string{"segment.is-its-parts", "media.continuous"}},
		{"part.on-time", "some parts are 150 ms late", onAsk(func(q *query) {
			if q.want%8 == 0 && q.want > q.newest {
				q.late = 150 * time.Millisecond
			}
		}), []string{"hint.blocks", "report.true"}},
		{"segment.stays", "removed segments are gone", func(f *fake, _ *pipes, _ *Options) {
			f.serve = goneAfter(f, window, -1)
		}, nil},
		{"segment.stays", "removed segments are gone after four seconds", func(f *fake, _ *pipes, _ *Options) {
			f.serve = goneAfter(f, window+4, -1)
		}, nil},
		{"part.stays", "removed parts are gone", func(f *fake, _ *pipes, _ *Options) {
			f.serve = goneAfter(f, withPart, 0)
		}, nil},
		{"hint.blocks", "the head is sent at once", func(f *fake, _ *pipes, _ *Options) {
			f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				id, ok := fileOf(r)
				if ok && id.part >= 0 && id.segment*partsPerSegment+id.part == f.newest()+1 {
					w.Header().Set("Content-Type", map[bool]string{true: "audio/mp4", false: "video/mp4"}[id.rendition == "audio"])
					w.Header().Set("Cache-Control", "max-age=3600, immutable")
					w.Header().Set("Access-Control-Allow-Origin", "*")
					w.Header().Set("ETag", `"early"`)
					w.WriteHeader(http.StatusOK)
				}
				next(w, r)
			}
		}, nil},
		{"hint.bytes", "one byte more", func(f *fake, _ *pipes, _ *Options) {
			f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				id, ok := fileOf(r)
				hinted := ok && id.part >= 0 && id.segment*partsPerSegment+id.part == f.newest()+1
				next(w, r)
				if hinted {
					_, _ = w.Write([]byte{0, 0, 0, 8, 'f', 'r', 'e', 'e'})
				}
			}
		}, []string{"http.same-edges"}},
		{"http.found", "every ninth part is missing", func(f *fake, _ *pipes, _ *Options) {
			f.serve = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if id, ok := fileOf(r); ok && id.part >= 0 && (id.segment*partsPerSegment+id.part)%9 == 0 {
					f.refuse(w, r, http.StatusNotFound)
					return
				}
				next(w, r)
			}
		}, []string{"part.stays", "hint.blocks"}},
	}
}

// fileOf reads which part or segment a request is for.
func fileOf(r *http.Request) (id partID, ok bool) {
	rendition, file, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/hls/x/"), "/")
	id = partID{rendition, 0, -1}
	if n, _ := fmt.Sscanf(file, "%d.%d.m4s", &id.segment, &id.part); n == 0 {
		return id, false
	}
	id.segment -= baseMSN
	return id, true
}

// goneAfter forgets segments (part < 0) or parts that many segments after their end.
func goneAfter(f *fake, segments, part int) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		id, ok := fileOf(r)
		if ok && (id.part < 0) == (part < 0) && (f.newest()+1)/partsPerSegment-id.segment > segments {
			f.refuse(w, r, http.StatusNotFound)
			return
		}
		next(w, r)
	}
}
