package hlscheck

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// keep bounds each history of a rendition: the newest of them.
const keep = 4096

// rendition is one media playlist being watched. Its watcher owns it;
// others read it when that has ended.
type rendition struct {
	opts      *Options
	name      string
	url       *url.URL
	dropped   atomic.Bool  // no longer in the master playlist
	audioOnly atomic.Bool  // by the master playlist
	adopted   time.Time    // when the master playlist first had it
	droppedAt time.Time    // when it was first read without it; guarded by the stream's mu until the end
	lastGood  atomic.Int64 // unix ns of the last good answer

	first, last *List
	lastSeen    time.Time     // when last's newest part was first seen
	gap         time.Duration // from the part before it
	cursor      Position      // the next part to read
	hint        *pending
	pastLast    uint64              // the newest segment whose end was asked for by a part past its last
	parts       map[Position]*Media // read parts of segments not yet whole
	prev        *whole
	inits       map[string]*Init
	gone        []gone
	longest     time.Duration // the longest list so far

	// Histories for the rules that compare renditions or look back.
	facts             map[uint64]fact
	marks             []mark
	reports           []reported
	unreported        []unreported
	sizes             []size
	frames            []float64 // s; the typical frame time of each segment
	tracks            []*Track  // of the newest init
	sample            sample
	hints, hintsEarly int // hinted parts read, and those whose answer began too early
	watched           Watched
}

// Watched is what was seen of one rendition.
type Watched struct {
	Rendition       string
	Lists           int // playlists read
	Parts, Segments int // downloaded
	First, Last     Position
	PartGap         time.Duration // the longest wait for a part, but for the last of a stream that ends
	PartTarget      time.Duration
	Peak, Average   float64 // bits/s
	FrameRate       float64
	Discontinuities int
	LongestList     time.Duration
	Ended           bool
}

// pending is a request for a hinted part that has not been answered or used yet.
type pending struct {
	uri   string
	reply chan *reply // gets one
}

// gone is something that has left the list and must stay for a while.
type gone struct {
	url     *url.URL
	purpose purpose
	due     time.Time // when to look at it next
	until   time.Time // how long it must stay
	looked  bool
}

// fact is what the list said of a segment.
type fact struct {
	duration        time.Duration
	pdt             time.Time
	discontinuity   bool
	discontinuities uint64 // discontinuity sequence number of the segment
	counted         bool   // the list had EXT-X-DISCONTINUITY-SEQUENCE
	gap             bool
	cut             bool // see cutShort; set where renditions are compared
}

// mark is where a rendition was at a time, as known when a playlist had been read.
type mark struct {
	sent, done time.Time
	newest     Position
}

// reported is a rendition report as read.
type reported struct {
	at     time.Time
	target string // absolute URL
	last   Position
	pt     time.Duration
}

// unreported is a rendition that a list has no report of.
type unreported struct {
	at    time.Time
	other *rendition
}

// size is one segment's share in the bandwidth.
type size struct {
	bits, seconds float64
}

func newRendition(o *Options, u *url.URL) *rendition {
	name := strings.TrimSuffix(path.Base(u.Path), ".m3u8")
	if name == "index" {
		name = path.Base(path.Dir(u.Path))
	}
	r := &rendition{
		opts: o, name: name, url: u, parts: map[Position]*Media{}, inits: map[string]*Init{}, facts: map[uint64]fact{},
		watched: Watched{Rendition: name},
	}
	r.lastGood.Store(time.Now().UnixNano()) // the master playlist told of it: an outage may begin at once
	return r
}

// newest bounds a history.
func newest[T any](s []T) []T {
	if len(s) > 2*keep {
		return append(s[:0], s[len(s)-keep:]...)
	}
	return s
}

// remember puts a list into the histories.
func (r *rendition) remember(l *List, rep *reply) {
	disc := l.DiscontinuitySeq
	for i, s := range l.Segments {
		if s.Discontinuity {
			disc++
		}
		if _, known := r.facts[s.MSN]; !known {
			r.facts[s.MSN] = fact{s.Duration, pdtOf(l, i), s.Discontinuity, disc, l.HasDiscontinuitySeq, s.Gap, false}
			if s.Discontinuity && r.last != nil {
				r.watched.Discontinuities++
			}
		}
	}
	if len(r.facts) > 2*keep {
		for msn := range r.facts {
			if msn+keep < l.MSN {
				delete(r.facts, msn)
			}
		}
	}
	if p, ok := l.Newest(); ok {
		r.marks = newest(append(r.marks, mark{rep.sent, rep.done, p}))
	}
	for _, x := range l.Reports {
		if u, err := r.url.Parse(x.URI); err == nil {
			r.reports = newest(append(r.reports, reported{rep.done, u.String(), x.Last, l.PartTarget}))
		}
	}
	r.longest = max(r.longest, l.Duration())
	r.watched.Lists++
}

// pdtOf is the program date time of a listed segment, carried on from the
// last tag before it; zero when there is none.
func pdtOf(l *List, i int) time.Time {
	var after time.Duration
	for ; i >= 0; i-- {
		if t := l.Segments[i].PDT; !t.IsZero() {
			return t.Add(after)
		}
		if i > 0 {
			after += l.Segments[i-1].Duration
		}
	}
	return time.Time{}
}

// bandwidth is the peak and the average of the segments read, by RFC 8216bis
// 4.4.6.2: the peak over any run of segments of 0.5 to 1.5 target durations.
// The newest skip segments are left out: the server may not have told of them yet.
func (r *rendition) bandwidth(skip int) (peak, average float64) {
	if r.last == nil || len(r.sizes) <= skip {
		return 0, 0
	}
	target := r.last.Target.Seconds()
	sizes := r.sizes[:len(r.sizes)-skip]
	var bits, seconds float64
	for i := range sizes {
		bits += sizes[i].bits
		seconds += sizes[i].seconds
		var b, s float64
		for _, x := range sizes[i:] {
			b, s = b+x.bits, s+x.seconds
			if s > 1.5*target {
				break
			}
			if s >= 0.5*target {
				peak = max(peak, b/s)
			}
		}
	}
	return peak, bits / seconds
}

// summary is the rendition's line of the report.
func (r *rendition) summary() Watched {
	w := r.watched
	w.Peak, w.Average = r.bandwidth(0)
	w.FrameRate = r.frameRate()
	w.LongestList = r.longest
	if r.last != nil {
		w.PartTarget, w.Ended = r.last.PartTarget, r.last.Ended
		w.Last, _ = r.last.Newest()
	}
	if r.first != nil {
		w.First, _ = r.first.Newest()
	}
	return w
}

// at names a place for findings.
func (r *rendition) at(p Position) string {
	at := r.name + " " + strconv.FormatUint(p.MSN, 10)
	if p.Part < 0 {
		return at
	}
	return at + "." + strconv.Itoa(p.Part)
}

// cutShort tells whether a segment has no media, or is the last before a break
// or of a stream that has ended: perhaps because its media was lost.
func (r *rendition) cutShort(msn uint64) bool {
	next, more := r.facts[msn+1]
	return r.facts[msn].gap || next.gap || next.discontinuity || !more && r.last.Ended
}

// excused tells whether a failure may be part of an outage that
// Options.Outage allows, or is of a rendition that is not made any more.
func (r *rendition) excused(rep *reply) bool {
	if rep.status == http.StatusNotFound && r.dropped.Load() {
		return true
	}
	away := rep.err != nil || rep.status == http.StatusBadGateway || rep.status == http.StatusServiceUnavailable || rep.status == http.StatusGatewayTimeout
	return away && rep.done.Sub(time.Unix(0, r.lastGood.Load())) < r.opts.Outage
}

func (r *rendition) resolve(uri string) *url.URL {
	u, err := r.url.Parse(uri)
	if err != nil {
		return r.url // ParseList has seen to it
	}
	return u
}

// frame notes the typical frame time of a segment.
func (r *rendition) frame(m *Media) {
	v := m.Run("vide")
	if v == nil {
		return
	}
	var times []float64
	for _, s := range v.Samples {
		times = append(times, float64(s.Duration)/float64(v.Timescale))
	}
	// The mean without the slowest tenth: clocks of whole milliseconds make
	// 33 and 34 of 33.3, and a dropped frame is no other frame rate.
	slices.Sort(times)
	times = times[:len(times)-len(times)/10]
	sum := 0.0
	for _, t := range times {
		sum += t
	}
	r.frames = newest(append(r.frames, sum/float64(len(times))))
}

// frameRate is the median of the segments', 0 when there is no video.
func (r *rendition) frameRate() float64 {
	if len(r.frames) == 0 {
		return 0
	}
	s := slices.Clone(r.frames)
	slices.Sort(s)
	if m := s[len(s)/2]; m > 0 {
		return 1 / m
	}
	return 0
}
