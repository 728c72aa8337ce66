// Over 400 lines: one server that must be right in every rule at once; its parts mean nothing apart.

package hlscheck

import (
	"compress/gzip"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/helios-h2020/pse/internal/sleep"
)

// A fake stream's numbers. A part is known by its count from the start of the
// stream: part 37 is the eighth of segment 3.
const (
	baseMSN  = 1000
	partTime = 100 * time.Millisecond
	segTime  = partsPerSegment * partTime
	window   = 12 // segments in a list
	withPart = 3  // of them that have their parts listed
	target   = time.Second
	fakeHost = "https://fake/hls/x/index.m3u8"
)

// fake is a low-latency HLS server whose stream is a function of the time.
// What it does right, the hooks undo.
type fake struct {
	t       testing.TB
	start   time.Time // of the stream
	pauseAt int       // segment before which the stream stands still; 0: none
	ends    int       // segment after which it ends; 0: none

	list   func(q *query, l *List)
	text   func(q *query, s string) string
	master func(m *Master)
	ask    func(q *query)
	sample func(p partID, track int, s *mp4.FullSample)
	media  func(p partID, b []byte) []byte
	header func(r *http.Request, status int, h http.Header)
	serve  func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)

	zip   sync.Pool // of *gzip.Writer
	mu    sync.Mutex
	bytes map[partID][]byte
}

// query is a request for a media playlist.
type query struct {
	rendition       string
	msn             uint64
	part            int
	hasMSN, hasPart bool
	skip            bool
	newest, want    int           // parts: the newest there is, the newest the answer needs
	status          int           // other than 200
	limit           time.Duration // how long it blocks at most
	late            time.Duration // how much later than it could it answers
}

// partID names a part, with part -1 a segment, with segment -1 an init.
type partID struct {
	rendition     string
	segment, part int
}

// pauseLength is how long the stream stands still: longer than three target durations.
const pauseLength = 4500 * time.Millisecond

var renditions = []string{"high", "low", "audio"}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, start: time.Now().Add(-30 * time.Second), bytes: map[partID][]byte{}}
	f.zip.New = func() any { return gzip.NewWriter(nil) }
	return f
}

// at is when a moment of the stream happens.
func (f *fake) at(segment int, into time.Duration) time.Time {
	at := f.start.Add(time.Duration(segment)*segTime + into)
	if f.pauseAt > 0 && segment >= f.pauseAt {
		at = at.Add(pauseLength)
	}
	return at
}

// available is when a part is there.
func (f *fake) available(g int) time.Time {
	return f.at(g/partsPerSegment, time.Duration(g%partsPerSegment+1)*partTime)
}

// newest is the newest part there is.
func (f *fake) newest() int {
	g := int(time.Since(f.start) / partTime)
	for g >= 0 && f.available(g).After(time.Now()) {
		g--
	}
	if f.ends > 0 {
		g = min(g, (f.ends+1)*partsPerSegment-1)
	}
	return g
}

func (f *fake) discontinuity(segment int) bool {
	return segment > 0 && (segment%5 == 0 || segment == f.pauseAt)
}

// discontinuities counts them up to and with a segment.
func (f *fake) discontinuities(segment int) (n int) {
	for s := 1; s <= segment; s++ {
		if f.discontinuity(s) {
			n++
		}
	}
	return n
}

func (f *fake) segment(n, parts int) Segment {
	s := Segment{
		MSN: uint64(baseMSN + n), Discontinuity: f.discontinuity(n), PDT: f.at(n, 0).UTC(), Map: [2]string{"initA.mp4", "initB.mp4"}[f.discontinuities(n)%2],
	}
	for i := range parts {
		s.Parts = append(s.Parts, Part{URI: fmt.Sprintf("%d.%d.m4s", s.MSN, i), Duration: partTime, Independent: i == 0})
	}
	return s
}

// listOf is the playlist of a rendition with its newest part.
func (f *fake) listOf(q *query, newest int) *List {
	whole := (newest + 1) / partsPerSegment
	first := max(0, whole-window)
	l := &List{
		Version: 9, Independent: true, Target: target, PartTarget: partTime, MSN: uint64(baseMSN + first), HasDiscontinuitySeq: true,
		Control: &Control{CanBlockReload: true, HoldBack: 3 * target, PartHoldBack: 3 * partTime, SkipUntil: 6 * target},
	}
	l.DiscontinuitySeq = uint64(f.discontinuities(first))
	if f.discontinuity(first) {
		l.DiscontinuitySeq-- // its tag is still in the list
	}
	for n := first; n < whole; n++ {
		parts := 0
		if n >= whole-withPart {
			parts = partsPerSegment
		}
		s := f.segment(n, parts)
		s.Duration, s.URI = segTime, fmt.Sprintf("%d.m4s", s.MSN)
		l.Segments = append(l.Segments, s)
	}
	if l.Ended = f.ends > 0 && whole > f.ends; !l.Ended {
		if n := (newest + 1) % partsPerSegment; n > 0 {
			open := f.segment(whole, n)
			l.Open = &open
		}
		l.Hints = []Hint{{Type: "PART", URI: fmt.Sprintf("%d.%d.m4s", baseMSN+whole, (newest+1)%partsPerSegment)}}
	}
	for _, r := range renditions {
		if r != q.rendition {
			l.Reports = append(l.Reports, RenditionReport{URI: "../" + r + "/index.m3u8", HasPart: true, Last: Position{uint64(baseMSN + newest/partsPerSegment), newest % partsPerSegment}})
		}
	}
	if q.skip && !l.Ended {
		left := newest - (whole-len(l.Segments))*partsPerSegment + 1
		for left-partsPerSegment >= int(6*target/partTime) {
			left -= partsPerSegment
			l.Skips, l.Skipped = 1, l.Skipped+1
			l.Segments = l.Segments[1:]
		}
	}
	return l
}

// data is the bytes of a part, a segment or an init.
func (f *fake) data(p partID) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dataLocked(p)
}

func (f *fake) dataLocked(p partID) []byte {
	if b, known := f.bytes[p]; known {
		return b
	}
	all, err := clips()
	must(f.t, err)
	c := all[p.rendition]
	var b []byte
	switch {
	case p.segment < 0:
		b = c.init(f.t, p.part == 1)
	case p.part < 0:
		for i := range partsPerSegment {
			b = append(b, f.dataLocked(partID{p.rendition, p.segment, i})...)
		}
	default:
		var edit func(int, *mp4.FullSample)
		if f.sample != nil {
			edit = func(track int, s *mp4.FullSample) { f.sample(p, track, s) }
		}
		b = c.part(f.t, p.segment, p.part, 10*f.discontinuities(p.segment), edit)
	}
	if f.media != nil {
		b = f.media(p, b)
	}
	f.bytes[p] = b
	return b
}

func (f *fake) masterOf() *Master {
	m := &Master{Version: 9, Independent: true, Media: []MediaTag{{Type: "AUDIO", Group: "a", Name: "Sound", Default: true, Autoselect: true}}}
	all, err := clips()
	must(f.t, err)
	for _, r := range renditions {
		peak, sum := 0, 0
		for n := range 12 {
			b := 8 * len(f.data(partID{r, n, -1}))
			peak, sum = max(peak, b), sum+b
		}
		v := Variant{URI: r + "/index.m3u8", Bandwidth: uint64(peak) + 2000, Average: uint64(sum / 12), Codecs: []string{"mp4a.40.2"}, Audio: "a"}
		if c := all[r]; c.frames != nil {
			v.Codecs = []string{fmt.Sprintf("avc1.%02x%02x%02x", c.sps[1], c.sps[2], c.sps[3]), "mp4a.40.2"}
			v.Width, v.Height, v.FrameRate = c.width, c.height, 20
		}
		m.Variants = append(m.Variants, v)
	}
	return m
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.serve != nil {
		f.serve(w, r, f.route)
		return
	}
	f.route(w, r)
}

func (f *fake) route(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/hls/x/")
	rendition, file, sub := strings.Cut(name, "/")
	switch {
	case name == "index.m3u8":
		m := f.masterOf()
		if f.master != nil {
			f.master(m)
		}
		f.answer(w, r, []byte(m.write()), "application/vnd.apple.mpegurl", "max-age=1")
	case sub && file == "index.m3u8":
		f.playlist(w, r, rendition)
	case sub:
		f.file(w, r, rendition, file)
	default:
		f.refuse(w, r, http.StatusNotFound)
	}
}

func (f *fake) playlist(w http.ResponseWriter, r *http.Request, rendition string) {
	v := r.URL.Query()
	q := &query{rendition: rendition, hasMSN: v.Has("_HLS_msn"), hasPart: v.Has("_HLS_part"), skip: v.Get("_HLS_skip") == "YES", newest: f.newest(), limit: 3 * target}
	q.msn, _ = strconv.ParseUint(v.Get("_HLS_msn"), 10, 64)
	q.part, _ = strconv.Atoi(v.Get("_HLS_part"))
	q.want = q.newest
	ended := f.ends > 0 && q.newest/partsPerSegment >= f.ends && q.newest%partsPerSegment == partsPerSegment-1
	switch n := int(q.msn) - baseMSN; {
	case ended:
	case q.hasPart && !q.hasMSN, q.hasMSN && n > q.newest/partsPerSegment+2:
		q.status = http.StatusBadRequest
	case q.hasMSN && !q.hasPart:
		q.want = max(q.want, n*partsPerSegment+partsPerSegment-1)
	case q.hasMSN:
		q.want = max(q.want, n*partsPerSegment+min(q.part, partsPerSegment))
	}
	if f.ask != nil {
		f.ask(q)
	}
	if q.status == 0 && !f.wait(r.Context(), q.want, q.limit) {
		q.status = http.StatusServiceUnavailable
	}
	sleep.For(r.Context(), q.late)
	if q.status != 0 {
		f.refuse(w, r, q.status)
		return
	}
	l := f.listOf(q, min(q.want, f.newest()))
	if f.list != nil {
		f.list(q, l)
	}
	text := l.write()
	if f.text != nil {
		text = f.text(q, text)
	}
	cache := "max-age=0"
	if q.hasMSN {
		cache = "max-age=6"
	}
	f.answer(w, r, []byte(text), "application/vnd.apple.mpegurl", cache)
}

// wait is false when a part does not come within the limit.
func (f *fake) wait(ctx context.Context, g int, limit time.Duration) bool {
	if f.ends > 0 { // a stream that ends stops waiting there
		g = min(g, (f.ends+1)*partsPerSegment-1)
	}
	d := time.Until(f.available(g))
	sleep.For(ctx, min(d, limit))
	return d <= limit
}

func (f *fake) file(w http.ResponseWriter, r *http.Request, rendition, file string) {
	kind := "video/mp4"
	if rendition == "audio" {
		kind = "audio/mp4"
	}
	id := partID{rendition, -1, 0}
	fields := strings.Split(file, ".")
	msn, err := strconv.Atoi(fields[0])
	switch {
	case file == "initA.mp4":
	case file == "initB.mp4":
		id.part = 1
	case err == nil && len(fields) == 2:
		id.segment, id.part = msn-baseMSN, -1
	case err == nil && len(fields) == 3:
		id.segment = msn - baseMSN
		id.part, err = strconv.Atoi(fields[1])
	}
	g := id.segment*partsPerSegment + id.part
	if id.part < 0 {
		g = id.segment*partsPerSegment + partsPerSegment - 1
	}
	newest := f.newest()
	left := f.at(id.segment+window+1, 0).Add(segTime + window*segTime) // in truth it left the list a segment ago
	if id.segment >= 0 && (err != nil || g > newest+1 || time.Now().After(left)) || id.segment < 0 && err == nil {
		f.refuse(w, r, http.StatusNotFound)
		return
	}
	if id.segment >= 0 && !f.wait(r.Context(), g, 3*target) {
		f.refuse(w, r, http.StatusNotFound)
		return
	}
	f.answer(w, r, f.data(id), kind, "max-age=3600, immutable")
}

func (f *fake) refuse(w http.ResponseWriter, r *http.Request, status int) {
	w.Header().Set("Cache-Control", "max-age=1")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if f.header != nil {
		f.header(r, status, w.Header())
	}
	w.WriteHeader(status)
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request, body []byte, kind, cache string) {
	sum := fnv.New64a()
	sum.Write(body)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("ETag", fmt.Sprintf("%q", strconv.FormatUint(sum.Sum64(), 36)))
	zipped := strings.HasSuffix(kind, "mpegurl")
	if zipped {
		h.Set("Vary", "Accept-Encoding")
		zipped = r.Header.Get("Accept-Encoding") == "gzip"
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	status := http.StatusOK
	if r.Header.Get("If-None-Match") == h.Get("ETag") {
		status = http.StatusNotModified
	}
	if f.header != nil {
		f.header(r, status, h)
	}
	w.WriteHeader(status)
	switch {
	case status != http.StatusOK:
	case h.Get("Content-Encoding") == "gzip":
		z := f.zip.Get().(*gzip.Writer)
		z.Reset(w)
		_, _ = z.Write(body)
		_ = z.Close()
		f.zip.Put(z)
	default:
		_, _ = w.Write(body)
	}
}
