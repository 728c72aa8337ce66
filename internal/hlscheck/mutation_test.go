// Over 400 lines: one table with a row for each rule and the way to break it; it reads best in one place.

package hlscheck

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// mutation breaks one rule, and with it what follows from it.
type mutation struct {
	rule string
	how  string
	edit func(f *fake, p *pipes, o *Options)
	also []string // rules that this may break too
}

// onList changes every media playlist.
func onList(change func(q *query, l *List)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.list = change }
}

func onMaster(change func(m *Master)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.master = change }
}

func onAsk(change func(q *query)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.ask = change }
}

func onSample(change func(p partID, track int, s *mp4.FullSample)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.sample = change }
}

func onHeader(change func(r *http.Request, status int, h http.Header)) func(*fake, *pipes, *Options) {
	return func(f *fake, _ *pipes, _ *Options) { f.header = change }
}

// oneSegment is where things go wrong; the watch begins at segment 30.
const oneSegment = 33

// late tells whether a list is of the second half of the watch.
func late(q *query) bool { return q.newest > oneSegment*partsPerSegment }

// eachListed calls f with the listed parts.
func eachListed(l *List, f func(s *Segment, i int, p *Part)) {
	for j := range l.Segments {
		for i := range l.Segments[j].Parts {
			f(&l.Segments[j], i, &l.Segments[j].Parts[i])
		}
	}
	if l.Open != nil {
		for i := range l.Open.Parts {
			f(l.Open, i, &l.Open.Parts[i])
		}
	}
}

func mediaFile(r *http.Request) bool { return strings.Contains(r.URL.Path, "4") }

func mutations() []mutation {
	return slices.Concat(listMutations(), mediaMutations(), directiveMutations(), masterMutations(), httpMutations())
}

func listMutations() []mutation {
	return []mutation{
		{
			"target.round", "a segment of 1.6 s", onList(func(_ *query, l *List) { l.Segments[len(l.Segments)-1].Duration = 1600 * time.Millisecond }),
			[]string{"list.kept", "segment.duration", "pdt.continuous", "delta.complete", "segment.same-length", "segment.stays"},
		},
		{"target.constant", "2 s later on", onList(func(q *query, l *List) {
			if late(q) {
				l.Target = 2 * time.Second
			}
		}), []string{"control.hold-back", "control.skip-until", "reload.timeout", "http.same-edges"}},
		{"target.same", "2 s in one rendition", onList(func(q *query, l *List) {
			if q.rendition == "low" {
				l.Target = 2 * time.Second
			}
		}), []string{"control.hold-back", "control.skip-until"}},
		{"part-target.constant", "101 ms later on", onList(func(q *query, l *List) {
			if late(q) {
				l.PartTarget = 101 * time.Millisecond
			}
		}), []string{"control.part-hold-back"}},
		{
			"part-inf.present", "none", onList(func(_ *query, l *List) { l.PartTarget = 0 }),
			[]string{"part.longest", "control.part-hold-back"},
		},
		{"part.longest", "a target of 99 ms", onList(func(_ *query, l *List) { l.PartTarget = 99 * time.Millisecond }), nil},
		{"part.shortest", "a target of 120 ms", onList(func(_ *query, l *List) {
			l.PartTarget, l.Control.PartHoldBack = 120*time.Millisecond, 360*time.Millisecond
		}), nil},
		{"msn.step", "one number is left out", onList(func(q *query, l *List) {
			if late(q) {
				l.MSN++
			}
		}), []string{"discontinuity.step", "pdt.same", "discontinuity.aligned", "discontinuity.numbered", "media.continuous", "reload.waits", "report.true", "hint.true", "segment.is-its-parts", "pdt.constant", "reload.past-last", "segment.stays", "part.stays", "part.on-time", "delta.complete"}},
		{"msn.forward", "it starts again", onList(func(q *query, l *List) {
			if late(q) {
				l.MSN -= 1000
				for i := range l.Segments {
					l.Segments[i].MSN -= 1000
				}
				if l.Open != nil {
					l.Open.MSN -= 1000
				}
			}
		}), []string{"msn.step", "reload.waits", "reload.far", "report.true", "hint.true", "http.cache-blocking", "reload.past-last", "delta.complete"}},
		{"list.kept", "a title is changed", onList(func(q *query, l *List) {
			if late(q) {
				l.Segments[5].Title = "new"
			}
		}), []string{"delta.complete"}},
		{"list.long", "four segments", onList(func(_ *query, l *List) {
			for n := len(l.Segments) - 4; n > 0; n-- {
				if l.Segments[0].Discontinuity {
					l.DiscontinuitySeq++
				}
				l.Segments, l.MSN = l.Segments[1:], l.MSN+1
			}
			l.Skips, l.Skipped = 0, 0
		}), []string{"delta.skip"}},
		{"control.block", "NO", onList(func(_ *query, l *List) { l.Control.CanBlockReload = false }), nil},
		{"control.part-hold-back", "2.9 parts", onList(func(_ *query, l *List) { l.Control.PartHoldBack = 290 * time.Millisecond }), nil},
		{"control.hold-back", "2.9 s", onList(func(_ *query, l *List) { l.Control.HoldBack = 2900 * time.Millisecond }), nil},
		{"control.skip-until", "5.9 s", onList(func(_ *query, l *List) { l.Control.SkipUntil = 5900 * time.Millisecond }), nil},
		{"list.independent", "none", func(f *fake, _ *pipes, _ *Options) {
			f.master = func(m *Master) { m.Independent = false }
			f.list = func(_ *query, l *List) { l.Independent = false }
		}, nil},
		{"list.pdt", "none", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].PDT = time.Time{}
			}
			if l.Open != nil {
				l.Open.PDT = time.Time{}
			}
		}), nil},
		{"pdt.constant", "dates jump by 50 ms", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if late(q) {
					l.Segments[i].PDT = l.Segments[i].PDT.Add(50 * time.Millisecond)
				}
			}
		}), []string{"pdt.same", "pdt.continuous", "delta.complete"}},
		{"pdt.continuous", "every third date is off", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				if s := &l.Segments[i]; (l.MSN+l.Skipped+uint64(i))%3 == 0 {
					s.PDT = s.PDT.Add(30 * time.Millisecond)
				}
			}
		}), nil},
		{"pdt.same", "one rendition has other dates", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if q.rendition == "low" {
					l.Segments[i].PDT = l.Segments[i].PDT.Add(time.Second)
				}
			}
		}), nil},
		{"discontinuity.sequence", "none", onList(func(_ *query, l *List) { l.HasDiscontinuitySeq = false }), nil},
		{
			"discontinuity.step", "it stays", onList(func(_ *query, l *List) { l.DiscontinuitySeq = 3 }),
			[]string{"discontinuity.numbered"},
		},
		{"discontinuity.numbered", "one rendition counts one more", onList(func(q *query, l *List) {
			if q.rendition == "low" {
				l.DiscontinuitySeq++
			}
		}), nil},
		{"discontinuity.aligned", "one rendition has one more", onList(func(q *query, l *List) {
			for i := range l.Segments {
				if s := &l.Segments[i]; q.rendition == "low" && l.MSN+l.Skipped+uint64(i) == baseMSN+oneSegment {
					s.Discontinuity = true
				}
			}
			if l.Open != nil && l.Open.MSN == baseMSN+oneSegment && q.rendition == "low" {
				l.Open.Discontinuity = true
			}
		}), []string{"discontinuity.numbered", "discontinuity.break"}},
		{"discontinuity.break", "a new init without tag", onList(func(_ *query, l *List) {
			for i := range l.Segments {
				l.Segments[i].Discontinuity = false
			}
			if l.Open != nil {
				l.Open.Discontinuity = false
			}
		}), []string{"discontinuity.step", "discontinuity.numbered", "media.continuous"}},
		{"hint.present", "none", onList(func(_ *query, l *List) { l.Hints = nil }), nil},
		{"hint.true", "the part after the next", onList(func(q *query, l *List) {
			if len(l.Hints) > 0 {
				l.Hints[0].URI = strings.Replace(l.Hints[0].URI, ".", ".1", 1)
			}
		}), nil},
		{"report.all", "only the first", onList(func(_ *query, l *List) { l.Reports = l.Reports[:1] }), nil},
		{"report.relative", "absolute", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].URI = "https://fake/hls/x/" + strings.TrimPrefix(l.Reports[i].URI, "../")
			}
		}), nil},
		{"report.numbers", "no LAST-PART", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].HasPart = false
			}
		}), []string{"report.true"}},
		{"report.true", "a segment behind", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].Last.MSN--
			}
		}), nil},
		{"report.true", "a segment ahead", onList(func(_ *query, l *List) {
			for i := range l.Reports {
				l.Reports[i].Last.MSN++
			}
		}), nil},
		{syntaxRule, "an unknown tag", func(f *fake, _ *pipes, _ *Options) {
			f.text = func(q *query, s string) string {
				if q.newest%7 == 0 {
					return s + "#EXT-X-NONSENSE\n"
				}
				return s
			}
		}, []string{"part.on-time"}},
	}
}

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

func TestEachRuleIsBrokenByItsMutation(t *testing.T) {
	broken := map[string]bool{}
	for _, m := range mutations() {
		broken[m.rule] = true
		t.Run(m.rule+"/"+strings.ReplaceAll(m.how, " ", "-"), func(t *testing.T) {
			t.Parallel()
			rep := run(t, func(f *fake, p *pipes, o *Options) {
				o.Duration = 6 * time.Second
				m.edit(f, p, o)
			})
			got := rep.Broken()
			if !slices.Contains(got, m.rule) {
				t.Errorf("not found; found instead: %v", got)
			}
			for _, id := range got {
				if id != m.rule && !slices.Contains(m.also, id) {
					t.Errorf("%s is found, too", id)
				}
			}
			if t.Failed() {
				must(t, rep.Print(os.Stderr, false))
			}
		})
	}
	for _, r := range Rules() {
		if !broken[r.ID] && r.ID != "media.decodes" {
			t.Errorf("rule %s has no mutation", r.ID)
		}
	}
}
