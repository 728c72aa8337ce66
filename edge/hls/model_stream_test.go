package hls

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/helios-h2020/pse/bus"
)

// logModel is the parts log of a name, and the transcoders that write it: one
// line of segments that renditions follow, each as far as it has come.
type logModel struct {
	r          *rand.Rand
	base       int64 // unix ms of stream clock 0
	now        int64 // time of day, unix ms
	clock      int64 // stream clock, ms
	credit     int64 // for how long the publisher may be away, ms
	session    string
	sessions   int
	inits      int
	msn        uint64 // of the next segment
	breaks     uint64 // discontinuities so far
	disc       bool   // one goes before the next segment
	plan       []*segmentModel
	length     int // parts that the open segment is to have
	renditions []*renditionModel
	seq        uint64
	entries    []entryModel      // what the log holds, oldest first
	read       int               // entries that it no longer holds
	dropped    map[string]uint64 // by session, the number after the newest of which it no longer holds something
	truth      map[string]map[uint64]*segmentModel
}

// segmentModel is a segment as the publisher's media makes it.
type segmentModel struct {
	msn    uint64
	start  int64 // stream clock, ms
	pdt    int64
	disc   bool
	seq    uint64 // discontinuities up to and with it
	init   int
	ends   []int64 // of its parts
	closed bool    // no part is added
	lost   bool    // it was to have more parts
}

func (s *segmentModel) end() int64 { return s.ends[len(s.ends)-1] }

// renditionModel is a rendition and how far a transcoder has come with it.
type renditionModel struct {
	name   string
	order  int
	kind   string
	offset int64 // of its clock, ms: the source's is that of decoding
	of     bool  // it is in the session's ladder
	made   bool  // it is being made
	ended  bool
	at     int // place in plan
	part   int
	newest int // place in plan of the newest segment that it has parts of; -1: none
}

type entryModel struct {
	m       *bus.Part
	session string
	at      int64 // time of day
}

func newLogModel(r *rand.Rand) *logModel {
	l := &logModel{r: r, now: 1_700_000_000_000, seq: 1000, truth: map[string]map[uint64]*segmentModel{}, dropped: map[string]uint64{}}
	for i, name := range []string{"source", "720p", "480p", "audio"} {
		rm := &renditionModel{name: name, order: i, kind: bus.KindAV}
		if name == "audio" {
			rm.kind = bus.KindAudio
		}
		if i > 0 {
			rm.offset = 66
		}
		l.renditions = append(l.renditions, rm)
	}
	l.begin(false)
	return l
}

// begin begins a session, of a name that was forgotten or of one that counts on.
func (l *logModel) begin(forgotten bool) {
	l.sessions++
	l.session = fmt.Sprint("s", l.sessions)
	l.truth[l.session] = map[uint64]*segmentModel{}
	l.msn += []uint64{0, 1, 500}[l.r.IntN(3)]
	l.disc = l.sessions > 1
	if forgotten {
		l.msn, l.breaks, l.disc = uint64(l.r.IntN(3)), 0, false
	}
	l.now += int64(l.r.IntN(60_000))
	l.base, l.clock, l.plan = l.now, 0, nil
	l.inits++
	first := l.r.IntN(len(l.renditions))
	for i, rm := range l.renditions {
		rm.of = i == first || l.r.IntN(4) > 0
		rm.made = rm.of && (i == first || l.r.IntN(4) > 0)
		rm.ended, rm.at, rm.part, rm.newest = false, 0, 0, -1
	}
}

// tick has the publisher send a part's worth of media.
func (l *logModel) tick() {
	n := len(l.plan)
	if n == 0 || l.plan[n-1].closed {
		if l.disc {
			l.breaks++
		}
		l.plan = append(l.plan, &segmentModel{msn: l.msn, start: l.clock, pdt: l.base + l.clock, disc: l.disc, seq: l.breaks, init: l.inits})
		l.truth[l.session][l.msn] = l.plan[n]
		l.msn, l.disc, l.length, n = l.msn+1, false, 4+l.r.IntN(5), n+1
	}
	s := l.plan[n-1]
	long := 430 + int64(l.r.IntN(71))
	if len(s.ends) == l.length-1 {
		long = 50 + int64(l.r.IntN(451))
	}
	l.clock, l.now, l.credit = l.clock+long, l.now+long, min(l.credit+long, 100_000)
	s.ends = append(s.ends, l.clock)
	s.closed = len(s.ends) == l.length
}

// closeSegment ends the open segment where it is.
func (l *logModel) closeSegment() {
	if n := len(l.plan); n > 0 {
		l.plan[n-1].closed = true
	}
}

// pause has the publisher be away, or its parameters or the clock change.
func (l *logModel) pause() {
	l.closeSegment()
	l.disc = true
	switch l.r.IntN(4) {
	case 0:
		l.inits++
	case 1:
		by := min(int64(l.r.IntN(100_000))-60_000, max(l.credit, 0)) // the clock is set
		l.credit -= max(by, 0)
		l.base, l.now = l.base+by, l.now+by
	}
	l.away(30_000)
}

// away has the publisher be away, less than at a time and half of the time in all.
func (l *logModel) away(most int) {
	away := min(int64(l.r.IntN(most)), max(l.credit, 0))
	l.clock, l.now, l.credit = l.clock+away, l.now+away, l.credit-away
}

// giveUp has a rendition not be made any more, as long as another one is.
func (l *logModel) giveUp(rm *renditionModel) {
	for _, o := range l.renditions {
		if o != rm && o.made {
			rm.made = false
		}
	}
}

// takeUp has a rendition that is not made be made, from a segment on of which nobody has begun it.
func (l *logModel) takeUp(rm *renditionModel) {
	rm.made, rm.part = true, 0
	rm.at = max(rm.newest+1, len(l.plan)-l.r.IntN(4))
	if rm.newest < 0 {
		rm.at = min(rm.at, len(l.plan))
	}
}

// lose has a transcoder die with media that nobody has any more: the next goes
// on after what there is.
func (l *logModel) lose() {
	newest := -1
	for _, rm := range l.renditions {
		newest = max(newest, rm.newest)
	}
	for _, s := range l.plan[newest+1:] {
		delete(l.truth[l.session], s.msn)
	}
	var before *segmentModel
	if newest >= 0 {
		before = l.plan[newest]
	}
	if len(l.plan) > newest+1 {
		l.msn, l.breaks = l.plan[newest+1].msn, l.plan[newest+1].seq
		if l.plan[newest+1].disc {
			l.breaks--
		}
		l.disc = l.disc || l.plan[newest+1].disc
	}
	l.plan = l.plan[:newest+1]
	if before != nil {
		out := 0
		for _, rm := range l.renditions {
			if rm.newest == newest {
				n := rm.part
				if rm.at > newest {
					n = len(before.ends)
				}
				out = max(out, n)
			}
		}
		before.lost = before.lost || out < len(before.ends) || !before.closed
		before.ends, before.closed = before.ends[:max(out, 1)], true
		l.disc = true
	}
	l.away(15_000)
	for _, rm := range l.renditions {
		if rm.made {
			rm.at, rm.part = len(l.plan), 0
		}
	}
}

// publish stores up to n parts of a rendition.
func (l *logModel) publish(rm *renditionModel, n int) {
	for ; n > 0 && rm.made && rm.at < len(l.plan); n-- {
		s := l.plan[rm.at]
		last := rm.part == len(s.ends)-1
		if rm.part >= len(s.ends) || last && !s.closed {
			return
		}
		from := s.start
		if rm.part > 0 {
			from = s.ends[rm.part-1]
		}
		m := &bus.Part{
			Rendition: rm.name, MSN: s.msn, Index: rm.part, Start: from + rm.offset, End: s.ends[rm.part] + rm.offset,
			Independent: rm.part == 0 || rm.kind == bus.KindAudio, Last: last && !s.lost, Size: 100 + rm.part, Data: make([]byte, 100+rm.part),
		}
		if rm.part == 0 {
			init := fmt.Sprint(rm.name, s.init)
			m.Segment = &bus.Segment{
				Session: l.session, PDT: s.pdt, Discontinuity: s.disc, DiscontinuitySeq: s.seq, InitID: init,
				Target: 4, PartTarget: 500, Order: rm.order, Kind: rm.kind, Codecs: "mp4a.40.2", Bandwidth: 1000,
			}
			m.Init = []byte(init)
		}
		l.put(m)
		rm.newest = rm.at
		if rm.part++; last {
			rm.at, rm.part = rm.at+1, 0
		}
	}
}

func (l *logModel) put(m *bus.Part) {
	l.seq += 1 + uint64(l.r.IntN(3))
	m.Seq = l.seq
	l.entries = append(l.entries, entryModel{m, l.session, l.now})
}

// end has a worker end the session: all renditions, or, where it dies, some or none.
func (l *logModel) end(all bool) {
	l.closeSegment()
	some := all || l.r.IntN(2) == 0
	for _, rm := range l.renditions {
		n := 1000
		if !some {
			n = l.r.IntN(4)
		}
		l.publish(rm, n)
	}
	for _, i := range l.r.Perm(len(l.renditions)) {
		rm := l.renditions[i]
		if rm.ended || rm.newest < 0 || !some || !all && l.r.IntN(2) == 0 {
			continue
		}
		s := l.plan[rm.newest]
		l.put(&bus.Part{Rendition: rm.name, MSN: s.msn + 1, Start: s.end(), End: s.end(), EOS: true})
		rm.ended, rm.made = true, false
	}
}

// older is how many of the oldest entries are older than age, in ms.
func (l *logModel) older(age int64) (n int) {
	for n < len(l.entries) && l.entries[n].at < l.now-age {
		n++
	}
	return n
}

func (l *logModel) cut(n int) {
	l.entries, l.read = slices.Clone(l.entries[n:]), l.read+n
}

// holds reports that the log has a message.
func (l *logModel) holds(seq uint64) bool {
	return len(l.entries) > 0 && l.entries[0].m.Seq <= seq
}
