package transcode

// segmenter cuts one rendition's frames into parts and segments by time:
// a part ends with the first frame from which on it is at least 85 % of the
// part target. Frames that were dropped leave a part without its share of
// pictures, never a part longer than the target.
type segmenter struct {
	target int64 // PART-TARGET, ms
	split  bool  // parts without pictures may be: there is audio to put into them

	cuts []cut // segment starts that are known and not reached
	open bool  // a segment is open
	at   cut   // the open segment
	msn  uint64
	past bool  // segments up to msn are out already
	next int   // index of the open part
	from int64 // start of the open part, ms
	cur  []frame
	pend *frame // the newest frame: it is placed when its successor tells its end
	out  func(cell)
}

// cell is one closed part without its audio.
type cell struct {
	seg        cut
	msn        uint64
	index      int
	start, end int64 // ms
	last       bool
	frames     []frame
	framesEnd  int64 // DTS after the last frame
}

// add takes the next frame; clock says where a cut lies on this rendition's clock.
func (s *segmenter) add(f frame, clock func(cut) int64) {
	end := f.dts
	boundary := len(s.cuts) > 0 && f.dts >= clock(s.cuts[0])
	if boundary {
		end = clock(s.cuts[0]) // sound may start up to a frame after it
	}
	if s.pend != nil {
		s.place(*s.pend, end, boundary)
		s.pend = nil
	}
	if boundary {
		s.begin(s.cuts[0], end)
		s.cuts = s.cuts[1:]
	}
	if s.open {
		s.pend = &f
	}
}

// know tells of a segment start to come.
func (s *segmenter) know(c cut) {
	if !s.past || c.msn > s.msn {
		s.cuts = append(s.cuts, c)
	}
}

// resume goes on after a part that is out.
func (s *segmenter) resume(msn uint64, index int, end int64, last bool) {
	s.past, s.msn, s.open, s.next, s.from = true, msn, !last, index+1, end
}

func (s *segmenter) begin(c cut, from int64) {
	s.open, s.at, s.msn, s.next, s.from = true, c, c.msn, 0, from
}

// flush ends the open segment at a time.
func (s *segmenter) flush(end int64) {
	if s.pend != nil {
		s.place(*s.pend, max(end, s.pend.dts+1), true)
		s.pend = nil
	}
	s.open = false
	s.cuts = nil
}

// place puts a frame that lasts to end into the open part. boundary says that end begins a segment.
func (s *segmenter) place(f frame, end int64, boundary bool) {
	s.cur = append(s.cur, f)
	if s.split {
		for end-s.from > s.target {
			cutAt := s.from + s.target
			if boundary && end-cutAt < s.target/10 {
				cutAt = s.from + s.target*9/10 // leave some for the last part
			}
			s.close(cutAt, end, false)
		}
	}
	if boundary || end-s.from >= s.enough() {
		s.close(end, end, boundary)
	}
}

// enough is the shortest part that is not the last of its segment, in ms.
func (s *segmenter) enough() int64 { return (s.target*85 + 99) / 100 }

func (s *segmenter) close(end, framesEnd int64, last bool) {
	c := cell{seg: s.at, msn: s.msn, index: s.next, start: s.from, end: end, last: last, frames: s.cur, framesEnd: framesEnd}
	s.cur = nil
	s.next++
	s.from = end
	if last {
		s.open = false
	}
	s.out(c)
}
