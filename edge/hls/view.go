package hls

import (
	"time"

	"github.com/helios-h2020/pse/bus"
)

// View is what a rendition's media list shows as of one message of the log. It
// never changes, and is never empty.
type View struct {
	listed  []*segment // complete
	tail    *segment   // the segment being filled; its parts so far are in parts
	parts   []*Part
	reports []report
	ended   bool
	dropped bool // it is no longer made
}

// report is where another rendition is (EXT-X-RENDITION-REPORT).
type report struct {
	rendition string
	msn       uint64
	part      int
}

func (w *window) view(reports []report) *View {
	v := &View{listed: w.listed[:len(w.listed):len(w.listed)], tail: w.tail, reports: reports, ended: w.ended}
	if w.tail != nil {
		v.parts = w.tail.parts[:len(w.tail.parts):len(w.tail.parts)]
	}
	return v
}

// Ended reports that nothing comes any more (EXT-X-ENDLIST).
func (v *View) Ended() bool { return v.ended }

// Dropped reports a rendition that is no longer made: its list is refused.
func (v *View) Dropped() bool { return v.dropped }

// Kind is what the rendition's segments hold: bus.KindAV, KindVideo or KindAudio.
func (v *View) Kind() string { return v.info().Kind }

// Hold is how long a request may be held until what it waits for is there:
// three target durations (RFC 8216bis 6.2.5.2).
func (v *View) Hold() time.Duration { return v.targets(HoldTargets) }

// Cache is how long an answer to a blocking request may be cached: six target
// durations (RFC 8216bis 6.2.5.1).
func (v *View) Cache() time.Duration { return v.targets(skipTargets) }

func (v *View) targets(n int) time.Duration {
	return time.Duration(n*v.info().Target) * time.Second
}

// info is what the newest segment says of the rendition.
func (v *View) info() *bus.Segment {
	if v.tail != nil {
		return v.tail.info
	}
	return v.listed[len(v.listed)-1].info
}

// next is the part after the last: the one that EXT-X-PRELOAD-HINT names.
func (v *View) next() (msn uint64, index int) {
	if v.tail != nil {
		return v.tail.msn, len(v.parts)
	}
	return v.listed[len(v.listed)-1].msn + 1, 0
}

// within is the first listed segment of which anything is less than ms from
// the list's end. It counts what the list shows to last: where a publisher was
// away the stream clock went on, and its clients cannot know.
func (v *View) within(ms int64) int {
	var after int64
	for _, p := range v.parts {
		after += p.duration()
	}
	i := len(v.listed)
	for i > 0 && after < ms {
		i--
		after += v.listed[i].duration()
	}
	return i
}
