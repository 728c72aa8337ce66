package ingest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/model"
)

// mixed is a timeline with an interleaver behind it, and what that gave.
type mixed struct {
	tl  *timeline
	mix interleaver
	out []capture // with the clock as their time
}

func newMixed() *mixed {
	m := &mixed{tl: begunTimeline(0, day0, day0)}
	m.mix.give = func(tag bus.Tag, clock, _ int64, _ bool, _ []bus.Tag) {
		m.out = append(m.out, capture{track: int(tag.Type), at: int64(tag.TS), ts: clock})
	}
	return m
}

// take says whether the capture has a place.
func (m *mixed) take(c capture) bool {
	long := m.tl.see(c.track, uint32(c.ts))
	m.tl.given(c.track, m.mix.gave)
	clock, ok := m.tl.place(c.track, long, day0+c.sent)
	if !ok {
		m.mix.expect(m.tl.head - clock)
		return false
	}
	m.mix.take(c.track, entry{tag: bus.Tag{Type: byte(c.track), TS: uint32(c.at)}, clock: clock})
	return true
}

// In streams whose tracks come together, as far as networks and encoders let them, nothing waits.
func TestNothingWaitsInUsualStreams(t *testing.T) {
	t.Parallel()
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		m := newMixed()
		all := film(20_000)
		for _, track := range []int{trackVideo, trackAudio} {
			trails(track, r.Int64N(200))(all)
		}
		bothFrom(r.Int64N(1<<32), 0)(all)
		for at := int64(16_000); at > 0; at -= 4000 {
			if r.IntN(2) == 0 {
				pause(at, r.Int64N(9000))(all)
			} else {
				bothFrom(r.Int64N(1<<32), at)(all)
			}
		}
		for n, c := range sentInOrder(all) {
			took := m.take(c)
			if took != (len(m.out) > 0 && m.out[len(m.out)-1].at == c.at && m.out[len(m.out)-1].track == c.track) || !took && n > 20 {
				t.Fatalf("tag %d, %+v: it has a place: %v, and what was given last is %+v", n, c, took, m.out[max(0, len(m.out)-1):])
			}
		}
	})
}

// Whatever trails, jumps, pauses and stops: the tracks stay together, each of them rises, what trails
// steadily by no more than 5 s comes in order, and nothing is kept for ever.
func TestModelOfTracks(t *testing.T) {
	t.Parallel()
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		m := newMixed()
		const length = 60_000
		all := film(length)
		late := r.IntN(2)
		lag := r.Int64N(4500)
		trails(late, lag)(all)
		apart := r.IntN(3) == 0
		if apart {
			clockOf(r.IntN(2), []int64{maxSkew + 5000, 1 << 30, -3600_000, 5000}[r.IntN(4)], 0)(all)
			trails(late, -lag)(all)
			lag = 0
		}
		bothFrom(r.Int64N(1<<32), 0)(all)
		for at := int64(length - 12_000); at > 0; at -= 12_000 { // each time all is settled
			switch r.IntN(6) {
			case 0:
				pause(at, 6000+r.Int64N(20_000))(all)
			case 1:
				bothFrom([]int64{-7000, 1<<31 - 1, 60_000, 9000}[r.IntN(4)], at)(all)
			case 2:
				clockOf(r.IntN(2), []int64{-7000, 3600_000, 60_000}[r.IntN(3)], at)(all)
				apart = true
			case 3: // it stops for a while
				gone := r.IntN(2)
				all = slices.DeleteFunc(all, func(c capture) bool { return c.track == gone && c.at > at && c.at < at+3000 })
			}
		}
		for _, c := range sentInOrder(all) {
			m.take(c)
			if waits := len(m.mix.queues[0]) + len(m.mix.queues[1]); waits > 600 {
				t.Fatalf("%d tags wait", waits)
			}
		}
		m.mix.pump(true)
		m.check(t, lag, apart)
		if n := len(m.out); n < len(all)*8/10 {
			t.Errorf("%d of %d came", n, len(all))
		}
	})
}

// check holds what was given against what is promised.
func (m *mixed) check(t *testing.T, lag int64, apart bool) {
	t.Helper()
	last, off, head := [2]int64{-1, -1}, [2]int64{}, int64(0)
	for _, c := range m.out {
		if c.ts <= last[c.track] {
			t.Fatalf("track %d: %d after %d", c.track, c.ts, last[c.track])
		}
		if head-c.ts > usualLag+lag {
			t.Fatalf("track %d: %d comes when %d was given", c.track, c.ts, head)
		}
		last[c.track], off[c.track], head = c.ts, c.ts-c.at, max(head, c.ts)
	}
	most := int64(60)
	if apart { // as exactly as the tracks' tags come one after the other
		most = 400
	}
	if by := abs(off[0] - off[1]); by > most {
		t.Errorf("the tracks are %d ms apart", by)
	}
}

func sentInOrder(all []capture) []capture {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b capture) int { return cmp.Compare(a.sent, b.sent) })
	return all
}
