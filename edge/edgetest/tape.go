package edgetest

import "github.com/helios-h2020/pse/bus"

// Tape makes the messages of one rendition: segments of 2 s in parts of 500 ms.
type Tape struct {
	Seq    uint64 // number in the log of the newest message
	MSN    uint64 // of the next segment
	At     int64  // stream clock, ms
	Breaks uint64 // discontinuities so far
}

// Segment is the parts of the next segment, n of them at most.
func (k *Tape) Segment(session string, disc bool, n int) (all []*bus.Part) {
	if disc {
		k.Breaks++
	}
	for i := range min(n, 4) {
		k.Seq++
		m := &bus.Part{Rendition: "source", Seq: k.Seq, MSN: k.MSN, Index: i, Start: k.At, End: k.At + 500, Last: i == 3, Data: make([]byte, 1000), Size: 1000}
		if i == 0 {
			m.Segment = &bus.Segment{Session: session, PDT: 1_700_000_000_000 + k.At, Target: 4, PartTarget: 500, InitID: "a", Kind: bus.KindAV, Discontinuity: disc, DiscontinuitySeq: k.Breaks}
		}
		k.At += 500
		all = append(all, m)
	}
	k.MSN++
	return all
}
