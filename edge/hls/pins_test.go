package hls

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// What is kept in memory is the newest, also when the stream clock starts anew.
func TestPinsOverSessions(t *testing.T) {
	s := newShown(2 * time.Minute)
	k := &edgetest.Tape{At: 3 * 3600_000}
	pinned := func() (ms int64) {
		t.Helper()
		held := int64(0)
		for _, p := range s.renditions["source"].pins.parts {
			b := p.pin.Load()
			if b == nil {
				t.Fatal("counted, but let go")
			}
			ms += p.duration()
			held += int64(len(*b))
		}
		if n := s.Pinned(); n != held || held == 0 {
			t.Fatalf("%d bytes are said to be in memory, there are %d", n, held)
		}
		return ms
	}
	play := func(session string, segments int) {
		t.Helper()
		for range segments {
			for _, m := range k.Segment(session, false, 4) {
				s.apply(m)
			}
			if ms := pinned(); ms > 17_500 { // 3 target durations, 5 s and a part
				t.Fatalf("%d s are in memory", ms/1000)
			}
		}
		if ms := pinned(); ms < 17_000 {
			t.Errorf("only %d ms are in memory", ms)
		}
	}
	play("s1", 30)
	k.Seq++
	s.apply(&bus.Part{Rendition: "source", Seq: k.Seq, MSN: k.MSN, EOS: true})
	k.MSN, k.At = k.MSN+1, 0
	play("s2", 300)
	k.At += 3600_000 // the publisher was away, or the clock was set
	play("s2", 30)
}

// Bytes are kept for the live edge only, however long a stream runs, and so
// are the segments that can be asked for.
func TestMemoryOfAStreamIsBounded(t *testing.T) {
	s := newShown(30 * time.Second)
	clock := int64(0)
	for msn := range uint64(2000) {
		for i := range 4 {
			m := &bus.Part{Rendition: "source", Seq: 1 + msn*4 + uint64(i), MSN: msn, Index: i, Start: clock, End: clock + 500, Last: i == 3, Data: []byte("media")}
			if i == 0 {
				m.Segment = &bus.Segment{Session: "s", InitID: string(rune('a' + msn/100%26)), Target: 4, PartTarget: 500, PDT: clock}
				m.Init = []byte("init")
			}
			s.apply(m)
			clock += 500
		}
	}
	r := s.renditions["source"]
	pinned := 0
	for _, segments := range [][]*segment{r.window.expired, r.window.listed} {
		for _, seg := range segments {
			for _, p := range seg.parts {
				if p.pin.Load() != nil {
					pinned++
				}
			}
		}
	}
	if most := (3*4 + 5) * 2; pinned > most+1 || pinned < 3*4*2 {
		t.Errorf("%d parts pinned, at most %d should be", pinned, most)
	}
	if n := len(r.window.listed); n != 15 {
		t.Errorf("%d segments listed", n)
	}
	if n := len(r.window.expired); n < 15 || n > 18 {
		t.Errorf("%d segments beyond the list", n)
	}
	if len(r.inits) > 2 {
		t.Errorf("%d inits", len(r.inits))
	}
}
