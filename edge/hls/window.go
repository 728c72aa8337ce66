package hls

import (
	"time"

	"github.com/helios-h2020/pse/bus"
)

// minSegments is how many segments a live list holds at least, once the
// stream is that old (HLS Authoring Specification 8.11).
const minSegments = 6

// oldest is how much older than its newest segment a list may show one, by the
// time of day, in ms.
func oldest(dvr int64) int64 { return max(dvr*3/2, 90_000) }

// window is what one rendition's list shows, and what can be fetched beyond
// it. It is a fold over the rendition's parts. Where it begins depends on its
// newest segments alone, so two edges that read the log from different
// places show the same. The follower alone may touch it.
type window struct {
	dvr     int64      // how much the list holds, ms
	seq     uint64     // log number of the last message
	listed  []*segment // complete, numbered without gap, of one session; oldest first
	tail    *segment   // the segment that is being filled, nil between two
	expired []*segment // no longer listed but still to be had; oldest first
	ended   bool       // EOS came

	came    int64 // how long all media lasts that came, ms
	longest int64 // the longest list of the session, ms

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
func (w *window) apply(m *bus.Part) (p *Part, changed bool) {
	if m.Seq <= w.seq {
		return nil, false // again
	}
	w.seq = m.Seq
	if m.EOS {
		return nil, w.end()
	}
	w.came += m.End - m.Start
	switch {
	case m.Segment != nil && m.Index == 0:
		if !w.begin(m) {
			return nil, false
		}
	case w.tail == nil || m.MSN != w.tail.msn || m.Index != len(w.tail.parts):
		return nil, false // its segment began before the log does
	}
	p = &Part{seq: m.Seq, msn: m.MSN, index: m.Index, start: m.Start, end: m.End, size: m.Size, independent: m.Independent}
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
			w.expired = nil
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
	w.leave(w.listed...)
	if w.tail != nil {
		w.leave(w.tail)
	}
	w.listed, w.tail, w.longest = nil, nil, 0
}

// leave takes what is no longer listed. A segment can be fetched for its own
// duration and that of the longest list it was in, a part for as long as parts
// are listed (RFC 8216bis 6.2.2). What counts is how much media comes
// meanwhile: an edge that reads what came long ago keeps the same.
func (w *window) leave(all ...*segment) {
	for _, s := range all {
		s.until = w.came + s.duration() + max(w.dvr, w.longest, partTargets*int64(s.info.Target)*1000)
	}
	w.expired = append(w.expired, all...)
}

func (w *window) complete() {
	w.tail.complete = true
	w.listed, w.tail = append(w.listed, w.tail), nil
	w.trim()
}

// trim takes from the list what the newest segments make superfluous. Pauses
// of the publisher are not on the stream clock but age the log all the same,
// hence the limits on the time of day, of which the second is beyond which the
// log may no longer have anything.
func (w *window) trim() {
	newest := w.listed[len(w.listed)-1]
	var listed int64
	first, media := len(w.listed), 0
	for first > 0 {
		s := w.listed[first-1]
		age := newest.info.PDT - s.info.PDT
		enough := listed >= w.dvr || age > w.dvr*3/2
		if enough && media >= minSegments || age > oldest(w.dvr) {
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
	w.leave(w.listed[:first]...)
	w.listed = w.listed[first:]
	w.longest = max(w.longest, length(w.listed))

	due := 0
	for due < len(w.expired) && w.expired[due].until <= w.came {
		due++
	}
	w.expired = w.expired[due:]
}

// find is the segment of that number, nil if it is not there.
func (w *window) find(msn uint64) *segment {
	if w.tail != nil && w.tail.msn == msn {
		return w.tail
	}
	if s := search(w.listed, msn); s != nil {
		return s
	}
	return search(w.expired, msn)
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

// bridge has the list go on from its newest segment, last, to the one that m
// begins. A transcoder that died, or gave the rendition up for a while, left a
// segment unfinished or numbers unused; the other renditions have media there.
// What is missing is listed as such (EXT-X-GAP), so that numbers and dates go
// on and nobody who plays something older loses it. It reports false where so
// much is missing that the list has to begin anew.
func (w *window) bridge(last *segment, m *bus.Part) bool {
	most := uint64(w.dvr / 1000)
	if m.MSN-last.msn-1 > most {
		return false
	}
	lost, whole := w.lost(last, m), last
	h := hole{from: last.msn + 1, to: m.MSN, date: last.info.PDT + last.duration(), clock: last.end, before: last.info}
	if lost { // the media goes on, as if the segment were whole
		if whole = w.newestMedia(); whole == nil {
			return false
		}
		h.from, h.date, h.clock, h.begun = last.msn, last.info.PDT, last.start, true
	}
	// Dates say nothing of that: the publisher's clock may have been set meanwhile.
	missing, away := m.MSN-whole.msn-1, m.Start-whole.end
	if missing > most || missing > 0 && away > w.dvr {
		return false
	}
	gaps, ok := h.fill(w.twin, m)
	if !ok {
		return false
	}
	switch {
	case lost:
		gaps[0].parts, w.tail = last.parts, nil
	case w.tail != nil:
		w.tail.complete, w.tail.short = true, m.MSN > last.msn+1
		w.listed, w.tail = append(w.listed, w.tail), nil
	}
	w.listed = append(w.listed, gaps...)
	w.longest = max(w.longest, length(w.listed))
	return true
}

// lost reports that the rest of an unfinished segment is missing. Before a
// discontinuity nothing is: its media ended there.
func (w *window) lost(last *segment, m *bus.Part) bool {
	if last.complete {
		return false
	}
	msn, next := w.nextKnown(last.msn, m)
	switch {
	case msn == last.msn+1:
		return !next.Discontinuity
	case next.DiscontinuitySeq == last.info.DiscontinuitySeq:
		return true
	}
	s := w.twin(last.msn) // where the discontinuities are nobody knows
	return s != nil && s.duration() > last.duration()
}

// nextKnown is the first segment after one that any rendition has, m's at the latest.
func (w *window) nextKnown(msn uint64, m *bus.Part) (uint64, *bus.Segment) {
	for msn++; msn < m.MSN; msn++ {
		if s := w.twin(msn); s != nil {
			return msn, s.info
		}
	}
	return m.MSN, m.Segment
}

// newestMedia is the newest listed segment that is no gap, nil if there is none.
func (w *window) newestMedia() *segment {
	for i := len(w.listed) - 1; i >= 0; i-- {
		if !w.listed[i].gap {
			return w.listed[i]
		}
	}
	return nil
}
