package transcode

import (
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// maxPart is the most bytes of pictures in a part with more than one: what is
// left of a message of the bus is for sound and boxes.
const maxPart = bus.MaxPayload * 7 / 8

// segmenter divides one rendition's frames into parts and segments by time:
// a part ends with the first frame from which on it is at least 85 % of the
// part target. Frames that were dropped leave a part without its share of
// pictures, never a part longer than the target. Pictures too large for one
// message of the bus share a part with fewer others.
type segmenter struct {
	target    int64 // PART-TARGET, ms
	split     bool  // parts without pictures may be: there is audio to put into them
	frameSpan int64 // ms in which a frame of that audio begins
	sound     bool  // the frames are sound

	boundaries    []segmentBoundary // segment starts that are known and not reached
	open          bool              // a segment is open
	at            segmentBoundary   // the open segment
	msn           uint64
	firstMSN      uint64 // segments before it are out
	past          bool   // segments up to msn are out already, or begun: the next goes on after them
	nextIndex     int    // index of the open part
	from          int64  // start of the open part, ms
	seen          int64  // frames before this time are in a part, ms
	samples       []cmaf.Frame
	size          int         // of samples, bytes
	pendingSample *cmaf.Frame // the newest frame: it is placed when its successor tells its end
	emit          func(fragment)
}

// fragment is one closed part without its audio.
type fragment struct {
	seg        segmentBoundary
	msn        uint64
	index      int
	start, end int64 // ms
	last       bool
	frames     []cmaf.Frame
	framesEnd  int64 // DTS after the last frame
	seen       int64 // as the source has it: frames before this time are in this part or before
}

// add takes the next frame; clock says where a boundary lies on the rendition's clock.
func (s *segmenter) add(f cmaf.Frame, clock func(segmentBoundary) int64) {
	if s.pendingSample != nil && f.DTS <= s.pendingSample.DTS {
		return // shown for no time: an encoder's, of a source that showed two at once
	}
	end := f.DTS
	boundary := len(s.boundaries) > 0 && f.DTS >= clock(s.boundaries[0])
	if boundary {
		end = clock(s.boundaries[0]) // sound may start up to a frame after it
	}
	s.closeUntil(end, f.DTS, boundary)
	if boundary {
		s.begin(s.boundaries[0], end)
		s.boundaries = s.boundaries[1:]
	}
	if s.open {
		if len(s.samples) == 0 && !s.split {
			f.DTS = min(f.DTS, s.from) // the part before ended within the picture before
		}
		s.pendingSample = &f
	}
}

// idle reports that no frame waits for its part.
func (s *segmenter) idle() bool { return s.pendingSample == nil && len(s.samples) == 0 }

// addBoundary tells of a segment start to come.
func (s *segmenter) addBoundary(c segmentBoundary) {
	if c.msn >= s.firstMSN && (!s.past || c.msn > s.msn) {
		s.boundaries = append(s.boundaries, c)
	}
}

// resume goes on after a part that is out.
func (s *segmenter) resume(msn uint64, index int, end, seen int64, last bool) {
	s.past, s.msn, s.open, s.nextIndex, s.from, s.seen = true, msn, !last, index+1, end, seen
}

// begin opens a segment where the one before ended, the first one at a time.
func (s *segmenter) begin(c segmentBoundary, from int64) {
	if !s.past {
		s.from = from
	}
	s.past, s.open, s.at, s.msn, s.nextIndex = true, true, c, c.msn, 0
}

// flush ends the open segment at a time.
func (s *segmenter) flush(end int64) {
	s.closeUntil(end, end, true)
	s.open = false
	s.boundaries = nil
}

// closeUntil closes the parts that are full at end, with the newest frame, which
// lasts until next. boundary says that end begins a segment.
func (s *segmenter) closeUntil(end, next int64, boundary bool) {
	if !s.open || s.pendingSample == nil && end <= s.from {
		return
	}
	if s.pendingSample != nil {
		end = max(end, s.pendingSample.DTS+1)
		next = max(next, end)
		s.addSample(*s.pendingSample, end, boundary)
		s.pendingSample = nil
	}
	switch {
	case s.split:
		for end-s.from > s.target {
			cutAt := s.from + s.target
			if boundary && end-cutAt < max(s.target/10, s.frameSpan) {
				cutAt = min(s.from+s.target*9/10, end-s.frameSpan) // leave some for the last part
			}
			s.close(cutAt, next, next, false)
		}
	case len(s.samples) == 0:
		return
	case end-s.from > s.target:
		// The next frame is decoded early: it starts where this one is said to end.
		s.close(s.from+s.target, s.from+s.target, next, boundary)
		return
	}
	if !s.split {
		next = end
	}
	if boundary || end-s.from >= s.leastPart() {
		s.close(end, next, next, boundary)
	}
}

// addSample puts a frame that lasts to end into the open part. Where there is no
// sound to fill the time a picture that lasts too long has a part of its own,
// unless the rest of it is hardly more than the usual.
func (s *segmenter) addSample(f cmaf.Frame, end int64, boundary bool) {
	over := end - s.from - s.target
	switch {
	case s.size > 0 && s.size+len(f.Data) > maxPart && f.DTS > s.from:
		s.close(f.DTS, f.DTS, f.DTS, false)
	case s.split || over <= 0 || len(s.samples) == 0 || end-f.DTS > s.target:
	case s.sound && boundary:
		at := s.from + s.target*9/10
		s.close(at, at, f.DTS, false)
	case !s.sound && (boundary || over > s.target-s.leastPart()):
		s.close(f.DTS, f.DTS, f.DTS, false)
	}
	s.samples = append(s.samples, f)
	s.size += len(f.Data)
}

// leastPart is the shortest part that is not the last of its segment, in ms.
func (s *segmenter) leastPart() int64 { return (s.target*85 + 99) / 100 }

// drop forgets the frames of the open part.
func (s *segmenter) drop() { s.samples, s.size = nil, 0 }

func (s *segmenter) close(end, framesEnd, seen int64, last bool) {
	c := fragment{seg: s.at, msn: s.msn, index: s.nextIndex, start: s.from, end: end, last: last, frames: s.samples, framesEnd: framesEnd, seen: seen}
	s.drop()
	s.nextIndex++
	s.from, s.seen = end, seen
	if last {
		s.open = false
	}
	s.emit(c)
}
