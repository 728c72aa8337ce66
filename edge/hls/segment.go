package hls

import (
	"sync/atomic"

	"github.com/helios-h2020/pse/bus"
)

// Part is one partial segment (RFC 8216bis 4.4.4.9). Only pin changes after it was made.
type Part struct {
	seq         uint64 // its number in the parts log
	msn         uint64
	index       int
	start, end  int64 // stream clock, ms
	size        int
	independent bool
	pin         atomic.Pointer[[]byte] // its bytes while it is near the live edge
}

// Seq is the part's number in the parts log.
func (p *Part) Seq() uint64 { return p.seq }

// Pinned is the part's media while it is kept in memory, else nil. Nobody may
// change it.
func (p *Part) Pinned() []byte {
	if b := p.pin.Load(); b != nil {
		return *b
	}
	return nil
}

func (p *Part) duration() int64 { return p.end - p.start }

// segment is one media segment. The follower alone changes it: parts grows
// until complete is set. Views hold the parts they list, so a reader of a
// view never looks at a slice that grows.
type segment struct {
	msn      uint64
	info     *bus.Segment
	start    int64 // stream clock, ms
	end      int64 // of the last part so far
	parts    []*Part
	complete bool
	until    int64 // of what its window counts as media that came, it is kept after it left the list, ms
	short    bool  // nobody knows where it was to end
	gap      bool  // it is not to be had as a whole (EXT-X-GAP), only such parts as came
}

func (s *segment) duration() int64 { return s.end - s.start }

func (s *segment) append(p *Part) {
	s.parts = append(s.parts, p)
	s.end = p.end
}

// length is how long segments last together, ms.
func length(all []*segment) (ms int64) {
	for _, s := range all {
		ms += s.duration()
	}
	return ms
}

// skipTargets is CAN-SKIP-UNTIL and partTargets how far back parts are
// listed, in target durations (RFC 8216bis 4.4.3.8, 6.2.2). HoldTargets is how
// long a request is held at most, and HOLD-BACK.
const (
	skipTargets = 6
	partTargets = 3
	HoldTargets = 3
)
