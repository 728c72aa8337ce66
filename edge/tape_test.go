package edge

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// tape makes the messages of one rendition: segments of 2 s in parts of 500 ms.
type tape struct {
	seq    uint64
	msn    uint64
	at     int64 // stream clock, ms
	breaks uint64
}

// segment is the parts of the next segment, n of them at most.
func (k *tape) segment(session string, disc bool, n int) (all []*bus.Part) {
	if disc {
		k.breaks++
	}
	for i := range min(n, 4) {
		k.seq++
		m := &bus.Part{Rendition: "source", Seq: k.seq, MSN: k.msn, Index: i, Start: k.at, End: k.at + 500, Last: i == 3, Data: make([]byte, 1000), Size: 1000}
		if i == 0 {
			m.Segment = &bus.Segment{Session: session, PDT: 1_700_000_000_000 + k.at, Target: 4, PartTarget: 500, InitID: "a", Kind: bus.KindAV, Discontinuity: disc, DiscontinuitySeq: k.breaks}
		}
		k.at += 500
		all = append(all, m)
	}
	k.msn++
	return all
}

func (w *window) applyAll(t *testing.T, all []*bus.Part) {
	t.Helper()
	for _, m := range all {
		if _, changed := w.apply(m); !changed {
			t.Fatalf("part %d.%d changes nothing", m.MSN, m.Index)
		}
	}
}
