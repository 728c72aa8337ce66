package edge

import "github.com/helios-h2020/pse/bus"

// view is what a rendition's list shows as of one message of the log. It
// never changes, and is never empty.
type view struct {
	listed  []*segment // complete
	tail    *segment   // the segment being filled; its parts so far are in parts
	parts   []*part
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

func (w *window) view(reports []report) view {
	v := view{listed: w.listed[:len(w.listed):len(w.listed)], tail: w.tail, reports: reports, ended: w.ended}
	if w.tail != nil {
		v.parts = w.tail.parts[:len(w.tail.parts):len(w.tail.parts)]
	}
	return v
}

// info is what the newest segment says of the rendition.
func (v *view) info() *bus.Segment {
	if v.tail != nil {
		return v.tail.info
	}
	return v.listed[len(v.listed)-1].info
}

// next is the part after the last: the one that EXT-X-PRELOAD-HINT names.
func (v *view) next() (msn uint64, index int) {
	if v.tail != nil {
		return v.tail.msn, len(v.parts)
	}
	return v.listed[len(v.listed)-1].msn + 1, 0
}

// within is the first listed segment of which anything is less than ms from
// the list's end. It counts what the list shows to last: where a publisher was
// away the stream clock went on, and its clients cannot know.
func (v *view) within(ms int64) int {
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
