package hls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/edge/edgetest"
)

// names lists a window's segments as a playlist does: "7", "g8" for a gap, "9.2" for two parts of the open one.
func (w *window) names() string {
	var b strings.Builder
	for _, s := range w.listed {
		if s.gap {
			b.WriteByte('g')
		}
		fmt.Fprintf(&b, "%d:%d ", s.msn, s.duration())
	}
	if w.tail != nil {
		fmt.Fprintf(&b, "%d.%d", w.tail.msn, len(w.tail.parts))
	}
	return b.String()
}

// Where a transcoder left a segment unfinished, or numbers unused, the list
// goes on: with what there is of it before a discontinuity, else with gaps of
// the length that the media has in the other renditions.
func TestListGoesOnAfterALoss(t *testing.T) {
	for _, c := range []struct {
		name    string
		parts   int    // of the segment that is not finished; 0: none is
		skipped uint64 // numbers that nobody used
		away    int64  // until the next segment starts, ms
		disc    bool
		want    string // of the list from segment 29 on, once the next one has begun
	}{
		{"the transcoder comes back, media was lost", 2, 0, 10_000, true, "29:2000 30:1000 31.1"},
		{"the same, and this rendition was behind the others", 2, 1, 10_000, true, "29:2000 30:1000 g31:4000 32.1"},
		{"the same, at a segment's end", 0, 1, 300, true, "29:2000 g30:300 31.1"},
		{"given up in mid-segment, and taken up with the next", 2, 0, 1000, false, "29:2000 g30:2000 31.1"},
		{"given up for longer", 2, 3, 7000, false, "29:2000 g30:2000 g31:2000 g32:2000 g33:2000 34.1"},
		{"given up at a segment's end", 0, 2, 4000, false, "29:2000 g30:2000 g31:2000 32.1"},
		{"given up for longer than the list goes back", 2, 70, 141_000, false, "101.1"},
		{"numbers that no media can have", 0, 5, 0, false, "35.1"},
		{"hours later", 1, 3, 5 * 3600_000, true, "34.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, k := newWindow(2*time.Minute), &edgetest.Tape{}
			for range 30 {
				w.applyAll(t, k.Segment("s", false, 4))
			}
			if c.parts > 0 {
				w.applyAll(t, k.Segment("s", false, c.parts))
			}
			before := w.names()
			k.MSN += c.skipped
			k.At += c.away
			w.applyAll(t, k.Segment("s", c.disc, 1))
			got := w.names()
			if i := strings.Index(got, "29:"); i >= 0 {
				got = got[i:]
			}
			if got != c.want {
				t.Errorf("the list ends in %q, not %q; it was\n%s", got, c.want, before)
			}
			for i := range c.parts {
				if seg := w.find(30); seg == nil || i >= len(seg.parts) {
					t.Errorf("part 30.%d, listed a moment ago, is gone", i)
				}
			}
			if w.find(29) == nil {
				t.Error("segment 29, listed a moment ago, is gone")
			}
		})
	}
}

// Gaps are as long as the media of the other renditions, and have their discontinuities.
func TestGapsAreLikeTheOtherRenditions(t *testing.T) {
	w, k := newWindow(2*time.Minute), &edgetest.Tape{}
	other, o := newWindow(2*time.Minute), &edgetest.Tape{}
	w.twin = other.find
	for range 8 {
		w.applyAll(t, k.Segment("s", false, 4))
		other.applyAll(t, o.Segment("s", false, 4))
	}
	w.applyAll(t, k.Segment("s", false, 1))
	other.applyAll(t, o.Segment("s", false, 4))
	other.applyAll(t, o.Segment("s", false, 3)) // its end came early: the publisher blinked
	o.At += 10_000
	other.applyAll(t, o.Segment("s", true, 4))
	other.applyAll(t, o.Segment("s", false, 4))
	k.MSN, k.At, k.Breaks = o.MSN, o.At, o.Breaks
	other.applyAll(t, o.Segment("s", false, 1))
	w.applyAll(t, k.Segment("s", false, 1))
	if got := w.names(); !strings.HasSuffix(got, " 7:2000 g8:2000 g9:1500 g10:2000 g11:2000 12.1") {
		t.Fatalf("the list is %s", got)
	}
	for msn := uint64(7); msn < 13; msn++ {
		a, b := w.find(msn).info, other.find(msn).info
		if a.PDT != b.PDT || a.Discontinuity != b.Discontinuity || a.DiscontinuitySeq != b.DiscontinuitySeq {
			t.Errorf("segment %d is\n%+v, in the other rendition\n%+v", msn, a, b)
		}
	}
}

// A list never begins with a gap, nor falls below six segments of media for one.
func TestGapsLeaveTheList(t *testing.T) {
	w, k := newWindow(20*time.Second), &edgetest.Tape{}
	for range 20 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	k.MSN, k.At = k.MSN+8, k.At+16_000
	for range 12 {
		w.applyAll(t, k.Segment("s", false, 4))
		media := 0
		for _, s := range w.listed {
			if !s.gap {
				media++
			}
		}
		if w.listed[0].gap || media < minSegments {
			t.Errorf("the list is %s", w.names())
		}
	}
	if got := w.names(); strings.Contains(got, "g") {
		t.Errorf("the list is %s", got)
	}
}

// A name that was forgotten counts anew: its new session is not taken for what was there already.
func TestForgottenNameBeginsAnew(t *testing.T) {
	w, k := newWindow(2*time.Minute), &edgetest.Tape{MSN: 500}
	for range 10 {
		w.applyAll(t, k.Segment("s1", false, 4))
	}
	k.MSN, k.At = 0, 0
	w.applyAll(t, k.Segment("s2", false, 4))
	if got := w.names(); got != "0:2000 " {
		t.Errorf("the list is %s", got)
	}
	if w.find(505) != nil || w.find(0) == nil {
		t.Error("numbers of before are mixed with those of now")
	}
}

// What another rendition has of a segment that is not whole says nothing of its length.
func TestUnfinishedSegmentIsNoPattern(t *testing.T) {
	s := newShown(2 * time.Minute)
	k, o, seq := &edgetest.Tape{}, &edgetest.Tape{Seq: 1000}, uint64(0)
	for range 8 {
		s.play("480p", k.Segment("s", false, 4)...)
		s.play("source", o.Segment("s", false, 4)...)
	}
	seq = o.Seq
	s.play("source", o.Segment("s", false, 4)...)
	s.play("source", o.Segment("s", false, 2)...) // the rest of 9 is late
	k.MSN, k.At, k.Seq = 10, 20_000, seq
	s.play("480p", k.Segment("s", false, 1)...)
	if got := s.renditions["480p"].window.names(); !strings.HasSuffix(got, " 7:2000 g8:2000 g9:2000 10.1") {
		t.Errorf("the list is %s", got)
	}
}

// A transcoder that came back found media lost: what it left unfinished, and others have whole, is a gap.
func TestUnfinishedSegmentIsNotWhole(t *testing.T) {
	w, k := newWindow(2*time.Minute), &edgetest.Tape{}
	other, o := newWindow(2*time.Minute), &edgetest.Tape{}
	w.twin = func(msn uint64) *segment {
		if s := other.find(msn); s != nil && s.complete {
			return s
		}
		return nil
	}
	for range 7 {
		w.applyAll(t, k.Segment("s", false, 4))
		other.applyAll(t, o.Segment("s", false, 4))
	}
	w.applyAll(t, k.Segment("s", false, 1))
	other.applyAll(t, o.Segment("s", false, 4))
	other.applyAll(t, o.Segment("s", false, 2))
	o.At += 10_000
	k.MSN, k.At = o.MSN, o.At
	w.applyAll(t, k.Segment("s", true, 1))
	if got := w.names(); !strings.Contains(got, " 6:2000 g7:2000 g8:") || !strings.HasSuffix(got, " 9.1") {
		t.Errorf("the list is %s", got)
	}
}

// What follows later in another rendition, after no discontinuity, tells that an unfinished segment was longer.
func TestUnfinishedSegmentBeforeOneThatNobodyHas(t *testing.T) {
	w, k := newWindow(2*time.Minute), &edgetest.Tape{}
	other, o := newWindow(2*time.Minute), &edgetest.Tape{}
	w.twin = other.find
	for range 8 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	w.applyAll(t, k.Segment("s", false, 1)) // 8; nobody has 9
	o.MSN, o.At = 10, k.At+5000
	other.applyAll(t, o.Segment("s", false, 4))
	k.MSN, k.At, k.Breaks = o.MSN, o.At+10_000, o.Breaks
	w.applyAll(t, k.Segment("s", true, 1))
	if got := w.names(); !strings.HasSuffix(got, " 7:2000 g8:2750 g9:2750 g10:2000 11.1") {
		t.Errorf("the list is %s", got)
	}
}

// A discontinuity that nobody saw is at one of the gaps, and its date jumps there.
func TestDiscontinuityAmongGaps(t *testing.T) {
	for _, parts := range []int{4, 1} { // of the last segment before
		w, k := newWindow(2*time.Minute), &edgetest.Tape{}
		for range 8 {
			w.applyAll(t, k.Segment("s", false, 4))
		}
		w.applyAll(t, k.Segment("s", false, parts))
		k.MSN, k.At, k.Breaks = k.MSN+2, k.At+30_000, k.Breaks+1
		w.applyAll(t, k.Segment("s", false, 4))
		breaks := uint64(0)
		for i, s := range w.listed {
			if s.info.Discontinuity {
				breaks++
			} else if i > 0 && s.info.PDT != w.listed[i-1].info.PDT+w.listed[i-1].duration() {
				t.Errorf("segment %d is %d ms after the one before", s.msn, s.info.PDT-w.listed[i-1].info.PDT)
			}
			if breaks != s.info.DiscontinuitySeq {
				t.Errorf("segment %d has number %d, with %d tags", s.msn, s.info.DiscontinuitySeq, breaks)
			}
		}
		if breaks != 1 || w.listed[0].msn != 0 {
			t.Errorf("%d discontinuities in %s", breaks, w.names())
		}
	}
}

// A rendition that is taken up again and again, and never brings a segment to its end, has no endless list.
func TestGapsWithoutMedia(t *testing.T) {
	w, k := newWindow(20*time.Second), &edgetest.Tape{}
	for range 20 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	for range 100 {
		w.applyAll(t, k.Segment("s", false, 1))
		k.At += 1500
		if n := len(w.listed); n > 21 {
			t.Fatalf("%d segments are listed: %s", n, w.names())
		}
	}
}

// Nor does what is listed of a segment whose end nobody saw.
func TestShortSegmentIsNoPattern(t *testing.T) {
	s := newShown(2 * time.Minute)
	k := &edgetest.Tape{}
	for range 8 {
		all := k.Segment("s", false, 4)
		s.play("480p", all...)
		s.play("source", all...)
	}
	s.play("480p", k.Segment("s", false, 1)...) // 8, of which the rest got lost, as 9 did
	k.MSN, k.At = 10, 20_000
	all := k.Segment("s", true, 4)
	s.play("480p", all...)
	if got := s.renditions["480p"].window.names(); !strings.Contains(got, " 8:500 g9:") {
		t.Fatalf("the list is %s", got)
	}
	s.play("source", all...)
	if got := s.renditions["source"].window.names(); strings.Contains(got, "g8:500 ") {
		t.Errorf("the list is %s", got)
	}
}

// Where nothing is missing the list goes on, however long the publisher was away or the clock was set.
func TestListGoesOnAfterAPause(t *testing.T) {
	w, k := newWindow(20*time.Second), &edgetest.Tape{}
	for range 12 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	k.At += 30_000
	w.applyAll(t, k.Segment("s", true, 1))
	if len(w.listed) < minSegments || w.tail.msn != 12 {
		t.Errorf("the list is %s", w.names())
	}
}

// A clock that was set says nothing of how much is missing.
func TestListGoesOnAfterClockWasSet(t *testing.T) {
	w, k := newWindow(20*time.Second), &edgetest.Tape{}
	for range 12 {
		w.applyAll(t, k.Segment("s", false, 4))
	}
	w.applyAll(t, k.Segment("s", false, 2))
	k.MSN, k.At = k.MSN+1, k.At+4000
	all := k.Segment("s", true, 1)
	all[0].Segment.PDT += 40_000
	w.applyAll(t, all)
	if got := w.names(); !strings.HasSuffix(got, "11:2000 12:1000 g13:4000 14.1") {
		t.Errorf("the list is %s", got)
	}
}
