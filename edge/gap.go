package edge

import "github.com/helios-h2020/pse/bus"

// bridge has the list go on from its newest segment, last, to the one that m
// begins. A transcoder that died, or gave the rendition up for a while, left a
// segment unfinished or numbers unused; the other renditions have media there.
// What is missing is listed as such (EXT-X-GAP), so that numbers and dates go
// on and nobody who plays something older loses it. It reports false where so
// much is missing that the list has to begin anew.
func (w *window) bridge(last *segment, m *bus.Part) bool {
	from, at, date := last.msn+1, last.end, last.info.PDT+last.duration()
	lost := !last.complete && !m.Segment.Discontinuity
	if lost { // the media goes on, as if the segment were whole
		from, at, date = last.msn, last.start, last.info.PDT
	}
	n := m.MSN - from
	if n > uint64(w.dvr/1000) || m.Segment.PDT-date > w.dvr || lost && len(w.listed) == 0 {
		return false
	}
	gaps := w.asElsewhere(from, m.MSN)
	if gaps == nil && n > 0 {
		if gaps = evenly(from, n, at, m.Start, last.info, m.Segment); gaps == nil {
			return false
		}
	}

	switch {
	case lost:
		info := *last.info
		gaps[0].info, gaps[0].parts, w.tail = &info, last.parts, nil
	case w.tail != nil:
		w.tail.complete = true
		w.listed, w.tail = append(w.listed, w.tail), nil
	}
	for _, g := range gaps {
		if !g.info.Discontinuity {
			g.info.PDT = date
		}
		date = g.info.PDT + g.duration()
		g.info.InitID = last.info.InitID
	}
	w.listed = append(w.listed, gaps...)
	return true
}

// asElsewhere is gaps like the segments of other renditions, nil if they do not have all of them.
func (w *window) asElsewhere(from, to uint64) []*segment {
	var gaps []*segment
	for msn := from; msn < to; msn++ {
		s := w.twin(msn)
		if s == nil {
			return nil
		}
		info := *s.info
		gaps = append(gaps, &segment{msn: msn, info: &info, start: s.start, end: s.end, complete: true, gap: true})
	}
	return gaps
}

// evenly is n gaps that share the time in between, nil if that cannot be.
func evenly(from, n uint64, start, end int64, before, after *bus.Segment) []*segment {
	count, span, target := int64(n), end-start, int64(before.Target)*1000
	breaks := after.DiscontinuitySeq - before.DiscontinuitySeq
	if after.Discontinuity { // what passed meanwhile may not be media at all
		breaks--
		span = max(min(span, count*target), count)
	}
	// EXTINF may round to the target duration, and a break is at a segment.
	if span < count || span >= count*(target+500) || breaks > n {
		return nil
	}
	var gaps []*segment
	for i := range count {
		info := *before
		info.Discontinuity = uint64(i) < breaks
		info.DiscontinuitySeq += min(uint64(i)+1, breaks)
		if info.Discontinuity {
			info.PDT += span * i / count
		}
		gaps = append(gaps, &segment{msn: from + uint64(i), info: &info, start: start + span*i/count, end: start + span*(i+1)/count, complete: true, gap: true})
	}
	return gaps
}
