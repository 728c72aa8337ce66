package edge

import (
	"time"

	"github.com/helios-h2020/pse/bus"
)

// minSegments is how many segments a live list holds at least, once the
// stream is that old (HLS Authoring Specification 8.11).
const minSegments = 6

// window is what one rendition's list shows, and what can be fetched beyond
// it. It is a fold over the rendition's parts. Where it begins depends on its
// newest segments alone, so two edges that read the log from different
// places show the same. The follower alone may touch it.
type window struct {
	dvr    int64      // how much the list holds, ms
	seq    uint64     // log number of the last message
	listed []*segment // complete, numbered without gap, of one session; oldest first
	tail   *segment   // the segment that is being filled, nil between two
	gone   []*segment // no longer listed but still to be had; oldest first
	ended  bool       // EOS came

	twin func(msn uint64) *segment // the same segment of another rendition, nil if none has it
}

func newWindow(dvr time.Duration) window {
	return window{dvr: dvr.Milliseconds(), twin: func(uint64) *segment { return nil }}
}

// newest is the segment that the last part went to, nil if there is none.
func (w *window) newest() *segment {
	if w.tail != nil {
		return w.tail
	}
	if n := len(w.listed); n > 0 {
		return w.listed[n-1]
	}
	return nil
}

// apply takes the rendition's next message. It returns the part that it
// added, nil when none, and whether the list changed.
func (w *window) apply(m *bus.Part) (p *part, changed bool) {
	if m.Seq <= w.seq {
		return nil, false // again
	}
	w.seq = m.Seq
	if m.EOS {
		return nil, w.end()
	}
	switch {
	case m.Segment != nil && m.Index == 0:
		if !w.begin(m) {
			return nil, false
		}
	case w.tail == nil || m.MSN != w.tail.msn || m.Index != len(w.tail.parts):
		return nil, false // its segment began before the log does
	}
	p = &part{seq: m.Seq, msn: m.MSN, index: m.Index, start: m.Start, end: m.End, size: m.Size, independent: m.Independent}
	w.tail.append(p)
	if m.Last {
		w.complete()
	}
	return p, true
}

// begin makes room for the segment that m is the first part of. It reports
// false for one that was there.
func (w *window) begin(m *bus.Part) bool {
	switch last := w.newest(); {
	case last == nil:
	case m.Segment.Session != last.info.Session:
		w.restart()
		if m.MSN <= last.msn { // the name was forgotten, and counts anew
			w.gone = nil
		}
	case m.MSN <= last.msn:
		return false
	case !w.bridge(last, m):
		w.restart()
	}
	w.tail, w.ended = &segment{msn: m.MSN, info: m.Segment, start: m.Start}, false
	return true
}

func (w *window) end() bool {
	if w.ended || w.newest() == nil {
		return false
	}
	if w.tail != nil {
		w.complete()
	}
	w.ended = true
	return true
}

// restart begins the list anew.
func (w *window) restart() {
	w.gone = append(w.gone, w.listed...)
	if w.tail != nil {
		w.gone = append(w.gone, w.tail)
	}
	w.listed, w.tail = nil, nil
}

func (w *window) complete() {
	w.tail.complete = true
	w.listed, w.tail = append(w.listed, w.tail), nil
	w.trim()
}

// trim takes from the list what the newest segments make superfluous. Pauses
// of the publisher are not on the stream clock but age the log all the same,
// hence the second limit, on the time of day.
func (w *window) trim() {
	newest := w.listed[len(w.listed)-1]
	var listed int64
	first, media := len(w.listed), 0
	for first > 0 {
		s := w.listed[first-1]
		enough := listed >= w.dvr || newest.info.PDT-s.info.PDT > w.dvr*3/2
		if enough && media >= minSegments {
			break
		}
		listed += s.duration()
		first--
		if !s.gap {
			media++
		}
	}
	for w.listed[first].gap { // nothing is to be had there
		first++
	}
	w.gone = append(w.gone, w.listed[:first]...)
	w.listed = w.listed[first:]

	// A segment that left the list can be fetched for its own duration and
	// that of the longest list it was in (RFC 8216bis 6.2.2).
	var kept int64
	i := len(w.gone)
	for i > 0 && kept <= max(w.dvr, listed)+w.gone[i-1].duration() {
		i--
		kept += w.gone[i].duration()
	}
	w.gone = w.gone[i:]
}

// find is the segment of that number, nil if it is not there.
func (w *window) find(msn uint64) *segment {
	if w.tail != nil && w.tail.msn == msn {
		return w.tail
	}
	if s := search(w.listed, msn); s != nil {
		return s
	}
	return search(w.gone, msn)
}

func search(all []*segment, msn uint64) *segment {
	lo, hi := 0, len(all)
	for lo < hi {
		mid := (lo + hi) / 2
		if all[mid].msn < msn {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(all) && all[lo].msn == msn {
		return all[lo]
	}
	return nil
}
