package hls

import "github.com/helios-h2020/pse/bus"

// hole is segments that a rendition does not have, and what goes before them.
type hole struct {
	from, to uint64 // numbers, without to
	date     int64  // when they start, unix ms
	clock    int64  // the same on the stream clock, ms
	before   *bus.Segment
	begun    bool // the first of them is before itself: its begin was listed
}

// fill makes gaps like the segments of other renditions, and where there are none, evenly long ones.
func (h hole) fill(twin func(msn uint64) *segment, m *bus.Part) (gaps []*segment, ok bool) {
	for msn := h.from; msn <= m.MSN; msn++ {
		next, start, s := m.Segment, m.Start, (*segment)(nil)
		if msn < m.MSN {
			if s = twin(msn); s == nil {
				continue
			}
			next, start = s.info, s.start
		}
		h.to = msn
		if h.from < h.to {
			lengths := h.evenly(next, start)
			if lengths == nil {
				return nil, false
			}
			gaps = append(gaps, h.gaps(lengths, next)...)
		}
		if s != nil {
			h.to = msn + 1
			gaps = append(gaps, h.gap(*s.info, s.duration()))
		}
	}
	return gaps, true
}

// gap is the first missing segment, and leaves those after it.
func (h *hole) gap(info bus.Segment, length int64) *segment {
	info.InitID = h.before.InitID
	if h.begun {
		info = *h.before
	} else if !info.Discontinuity {
		info.PDT = h.date
	}
	g := &segment{msn: h.from, info: &info, start: h.clock, end: h.clock + length, complete: true, gap: true}
	h.from, h.date, h.clock, h.before, h.begun = h.from+1, info.PDT+length, h.clock+length, g.info, false
	return g
}

// breaks is how many of the missing segments begin with a discontinuity.
func (h *hole) breaks(after *bus.Segment) uint64 {
	n := after.DiscontinuitySeq - h.before.DiscontinuitySeq
	if after.Discontinuity {
		n--
	}
	return n
}

// evenly is the lengths of missing segments that share the time up to the next
// one, which starts at a time of the stream clock; nil if that cannot be.
func (h *hole) evenly(after *bus.Segment, start int64) (lengths []int64) {
	count, target, free := int64(h.to-h.from), int64(h.before.Target)*1000, h.to-h.from
	if h.begun {
		free--
	}
	span, breaks := after.PDT-h.date, h.breaks(after)
	if after.Discontinuity || breaks > 0 { // what passed meanwhile may not be media at all
		span = max(min(start-h.clock, count*target), count)
	}
	// EXTINF may round to the target duration, and a break is at a segment.
	if span < count || span >= count*(target+500) || breaks > free {
		return nil
	}
	for i := range count {
		lengths = append(lengths, span*(i+1)/count-span*i/count)
	}
	return lengths
}

// gaps is missing segments of those lengths. Discontinuities among them go
// before the first ones; whoever was away was so before the last of these.
func (h *hole) gaps(lengths []int64, after *bus.Segment) (all []*segment) {
	breaks, rest := h.breaks(after), int64(0)
	for _, length := range lengths {
		rest += length
	}
	for _, length := range lengths {
		info := *h.before
		info.Discontinuity = !h.begun && breaks > 0
		if info.Discontinuity {
			breaks--
			info.DiscontinuitySeq++
			info.PDT = h.date
			if breaks == 0 && !after.Discontinuity {
				info.PDT = after.PDT - rest
			}
		}
		all = append(all, h.gap(info, length))
		rest -= length
	}
	return all
}
