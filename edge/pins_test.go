package edge

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// What is kept in memory is the newest, also when the stream clock starts anew.
func TestPinsOverSessions(t *testing.T) {
	s := newStream("cam", "cam", DefaultConfig(), time.Now())
	k := &tape{at: 3 * 3600_000}
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
		if n := s.pinned(); n != held || held == 0 {
			t.Fatalf("%d bytes are said to be in memory, there are %d", n, held)
		}
		return ms
	}
	play := func(session string, segments int) {
		t.Helper()
		for range segments {
			for _, m := range k.segment(session, false, 4) {
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
	k.seq++
	s.apply(&bus.Part{Rendition: "source", Seq: k.seq, MSN: k.msn, EOS: true})
	k.msn, k.at = k.msn+1, 0
	play("s2", 300)
	k.at += 3600_000 // the publisher was away, or the clock was set
	play("s2", 30)
}
