package hls

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/model"
)

// A name's parts log over sessions, breaks, transcoders that die, renditions
// that come late, are given up, taken up and ended, a name that counts anew and
// a log whose oldest go; and edges that read it from different places, some of it twice.
// Of every list that an edge shows:
//
//   - It obeys the rules of lists and reloads (hlscheck): numbered without gap,
//     durations within their targets, dates that follow durations, numbers that
//     never go back, discontinuities counted as their tags leave, nothing
//     changed that was listed, a delta update that makes the same list.
//   - What it lists is what the log has: no segment is listed as whole that is
//     not, but before a discontinuity or an end, where nothing more came of it.
//   - It goes on within a session, unless more is missing than it shows, or it
//     had no whole segment; it begins with media, and has six segments of media
//     if the log can have them and they were there.
//   - A gap is as the segment is in the other renditions, if one has it whole:
//     length, date, discontinuities.
//   - It is that of the newest session, and ends if that rendition did; the
//     multivariant playlist has all renditions that are being made.
//   - What it lists, or did within the time that RFC 8216bis 6.2.2 gives, is
//     found, and its media is in the log, and so are inits.
//   - Memory is bounded: pins by time, what left lists and gaps by the lists,
//     inits by who needs them.
//
// And edges that have read the same show the same, to the byte; where one came
// when the log had no more what came of the other's first segment, in any
// rendition, or was not in time to read it, the end of it.
func TestModelOfWindow(t *testing.T) {
	model.Run(t, historyOf)
}

func historyOf(t *testing.T, r *rand.Rand) {
	dvr := time.Duration([]int{10, 20, 30, 60}[r.IntN(4)]) * time.Second
	h := &historyModel{t: t, r: r, log: newLogModel(r), dvr: dvr, whole: r.IntN(4) > 0}
	h.start()
	for session := range 1 + r.IntN(3) {
		if session > 0 {
			h.log.begin(r.IntN(4) == 0)
		}
		h.session()
		if t.Failed() {
			return
		}
	}
	h.start()
	h.meet()
}

// historyModel is one history of a log and the edges that read it.
type historyModel struct {
	t     *testing.T
	r     *rand.Rand
	log   *logModel
	dvr   time.Duration
	whole bool // the log keeps what it should; else its bytes are too few for that
	edges []*edgeModel
}

func (h *historyModel) session() {
	l, r := h.log, h.r
	calm := []int{1, 1, 4, 20}[r.IntN(4)] // how seldom something happens
	lag := 1 + r.IntN(6)
	shaky := r.IntN(3) == 0 // the publisher's connection breaks all the time
	for range 60 + r.IntN(240) {
		l.tick()
		if shaky && r.IntN(12) == 0 {
			l.pause()
		}
		for _, i := range r.Perm(len(l.renditions)) {
			if r.IntN(lag) == 0 {
				l.publish(l.renditions[i], 1+r.IntN(2*lag))
			}
		}
		rm := l.renditions[r.IntN(len(l.renditions))]
		switch r.IntN(60 * calm) {
		case 0:
			l.pause()
		case 1, 2:
			if rm.made {
				l.giveUp(rm)
			} else if rm.of && !rm.ended {
				l.takeUp(rm)
			}
		case 3, 4:
			if rm.of && !rm.made && !rm.ended {
				l.takeUp(rm)
			}
		case 5:
			l.lose()
		case 6:
			h.start()
		case 7:
			h.meet()
		case 8:
			if !h.whole {
				h.cut(r.IntN(len(l.entries) + 1))
			}
		}
		h.cut(l.older(bus.PartsAge(h.dvr).Milliseconds()))
		for _, e := range h.edges {
			n := r.IntN(8 * lag)
			if r.IntN(3) == 0 {
				n = len(l.entries)
			}
			e.read(n)
		}
		if h.t.Failed() {
			return
		}
	}
	for all := r.IntN(4) > 0; ; all = true {
		l.end(all)
		h.meet()
		if all || r.IntN(2) == 0 {
			return
		}
		l.now += int64(r.IntN(10_000))
	}
}

// start has another edge begin; there are three at most.
func (h *historyModel) start() {
	e := &edgeModel{h: h, s: newShown(h.dvr), next: h.log.read, shown: map[string]*shownModel{}}
	e.history, e.missed = e.next+len(h.log.entries), maps.Clone(h.log.dropped)
	if len(h.edges) == 3 {
		i := h.r.IntN(3)
		h.edges = slices.Delete(h.edges, i, i+1)
	}
	h.edges = append(h.edges, e)
	if h.r.IntN(4) == 0 { // it cannot read all of the history, and begins once more
		e.read(h.r.IntN(len(h.log.entries) + 1))
		e.next = h.log.read
	}
}

// cut has the log drop its oldest, of which some edges may not have read all.
func (h *historyModel) cut(n int) {
	l := h.log
	for i, x := range l.entries[:n] {
		numbers := []map[string]uint64{l.dropped}
		for _, e := range h.edges {
			if e.next <= l.read+i {
				numbers = append(numbers, e.missed)
			}
		}
		for _, to := range numbers {
			to[x.session] = max(to[x.session], x.m.MSN+1)
		}
	}
	l.cut(n)
}

// meet has all edges read all there is, and compares them.
func (h *historyModel) meet() {
	for _, e := range h.edges {
		e.read(len(h.log.entries))
	}
	for _, e := range h.edges[1:] {
		h.same(h.edges[0], e)
	}
}

// same compares two edges that have read the same end of the log.
func (h *historyModel) same(a, b *edgeModel) {
	for _, rm := range h.log.renditions {
		ra, rb := a.s.renditions[rm.name], b.s.renditions[rm.name]
		if ra == nil || rb == nil {
			continue
		}
		va, vb := ra.view, rb.view
		session := h.log.session
		if va.dropped && vb.dropped || va.info().Session != session && vb.info().Session != session {
			continue
		}
		missed := max(a.missed[session], b.missed[session])
		alike := va.info().Session == vb.info().Session
		if !alike && missed > 0 {
			continue // one had no begin of a segment to read
		}
		first, place := min(va.first().msn, vb.first().msn), min(va.place()[0], vb.place()[0])
		ta, tb := text(va.without(missed), false), text(vb.without(missed), false)
		if !alike || ta != tb && first >= missed || va.place() != vb.place() && place >= missed {
			h.t.Fatalf("%s: one edge shows\n%sanother\n%s", rm.name, ta, tb)
		}
	}
	ma, mb := a.s.multivariant, b.s.multivariant
	if ta, tb := ma.Render(""), mb.Render(""); string(ta) != string(tb) && h.whole {
		h.t.Fatalf("one edge's multivariant playlist is\n%sanother's\n%s", ta, tb)
	}
}

// without is the view with no reports on renditions of which there is nothing from a number on.
func (v *View) without(msn uint64) *View {
	less := *v
	less.reports = slices.DeleteFunc(slices.Clone(v.reports), func(r report) bool { return r.msn < msn })
	return &less
}

func text(v *View, skip bool) string {
	return string(v.Render(InFolder(), 3, skip))
}

// first is the first segment listed.
func (v *View) first() *segment {
	if len(v.listed) > 0 {
		return v.listed[0]
	}
	return v.tail
}

func (v *View) place() [2]uint64 {
	msn, index := v.next()
	return [2]uint64{msn, uint64(index)}
}

// sessionOf is which of the name's sessions it is.
func (h *historyModel) sessionOf(session string) (n int) {
	_, _ = fmt.Sscanf(session, "s%d", &n)
	return n
}
