package ingest

import (
	"math/rand/v2"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/model"
)

// phone sends pictures at 25 a second over a network of ups and downs to a
// timeline, a key frame every second, and holds the dates against what it knows.
type phone struct {
	t       *testing.T
	tl      *timeline
	offset  uint32 // of its timestamps
	rate    int64  // parts in a million by which its clock is fast
	at      int64  // when the next picture is taken, ms of true time
	arrived int64  // when the last one arrived
	keyed   int64  // when the last key frame was taken
	clock   int64
	off     int64 // date less capture, of the last key frame
	steps   int   // of the date
}

func newPhone(t *testing.T) *phone {
	return &phone{t: t, tl: begunTimeline(0, day0, day0), keyed: -1000}
}

// take takes a picture that arrives after a delay, behind those before it.
func (p *phone) take(delay int64) {
	ts := uint32(p.at+p.at*p.rate/1_000_000) + p.offset
	p.arrived = max(p.arrived, p.at+delay)
	clock, ok := p.tl.put(trackVideo, ts, day0+p.arrived)
	if !ok {
		p.t.Fatalf("the picture of %d has no place", p.at)
	}
	p.clock = clock
	if p.at-p.keyed >= 1000 {
		p.keyed = p.at
		before := p.tl.wall()
		p.tl.key(clock)
		switch by := p.tl.wall() - before; {
		case by >= bus.WallStep-1:
			p.steps++
		case abs(by) > 1:
			p.t.Fatalf("at %d the date moves by %d", p.at, by)
		}
		p.off = p.tl.wall() + clock - (day0 + p.at)
	}
	p.at += 40
}

func (p *phone) play(ms, delay int64) {
	for end := p.at + ms; p.at < end; {
		p.take(delay)
	}
}

// The date stays that of the capture, over stalls after which a phone drops
// what it could not send and sends the rest at once.
func TestDateAfterStalls(t *testing.T) {
	p := newPhone(t)
	for stall := range 50 {
		p.play(10_000, 30)
		p.at += 3000                // dropped
		p.arrived = p.at + 2000     // the network stood still for 5 s
		p.play(2000, 0)             // what it kept comes at once
		p.at = max(p.at, p.arrived) // and then it goes on
		p.play(2000, 30)
		if abs(p.off) > 100 || p.steps != stall+1 {
			t.Fatalf("after stall %d: %d ms off, %d steps", stall+1, p.off, p.steps)
		}
	}
}

// A backlog that is dropped at once takes the date on to the fresh pictures.
func TestDateAfterABacklog(t *testing.T) {
	p := newPhone(t)
	p.play(20_000, 30)
	for delay := int64(30); delay < 4000; delay += 40 { // the uplink is too narrow
		p.take(delay)
	}
	p.at = p.arrived // all that waits is dropped
	p.play(3000, 30)
	if abs(p.off) > 100 || p.steps != 1 {
		t.Errorf("%d ms off, %d steps", p.off, p.steps)
	}
}

// Pauses of the whole publisher are real time.
func TestDateAfterAPause(t *testing.T) {
	p := newPhone(t)
	p.play(20_000, 30)
	p.at += 12_000
	p.play(2000, 30)
	if abs(p.off) > 50 || p.steps != 1 {
		t.Errorf("%d ms off, %d steps", p.off, p.steps)
	}
}

// A clock that is set is nothing that happened.
func TestDateAfterTheClockIsSet(t *testing.T) {
	for _, by := range []int32{-3_600_000, -700, 30_000, 3_600_000, 1<<31 - 1} {
		p := newPhone(t)
		p.play(20_000, 30)
		p.offset += uint32(by)
		p.play(20_000, 30)
		if abs(p.off) > 50 || p.steps != 0 {
			t.Errorf("set by %d: %d ms off, %d steps", by, p.off, p.steps)
		}
	}
}

// A clock that is slow or fast, and a first picture that came late, are made
// up for without a step.
func TestDateIsSlewed(t *testing.T) {
	for _, rate := range []int64{-100, 0, 100} {
		p := newPhone(t)
		p.rate = rate
		p.play(40, 300) // late
		p.play(3*3600_000, 30)
		if abs(p.off) > 50 || p.steps != 0 {
			t.Errorf("%d ppm: after three hours %d ms off, %d steps", rate, p.off, p.steps)
		}
	}
}

// Whatever the network does that phones live with, the date is the capture's,
// and goes on with the media but for steps forward where a pause was cut out.
func TestDateModel(t *testing.T) {
	t.Parallel()
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		p := newPhone(t)
		p.offset = r.Uint32()
		p.rate = r.Int64N(101) - 50
		p.play(20_000, 30)
		for range 200 {
			switch r.IntN(5) {
			case 0: // a stall: some is dropped, the rest comes at once
				kept := r.Int64N(4000)
				p.at += r.Int64N(8000)
				p.arrived = max(p.arrived, p.at+kept)
				p.play(kept, 0)
				p.at = max(p.at, p.arrived)
			case 1: // a slow network, then a good one
				for delay := int64(0); delay < 3000; delay += r.Int64N(80) {
					p.take(delay)
				}
				p.play(10_000, 3000)
				p.play(3000+r.Int64N(3000), 0)
			case 2: // pictures come late, each by some
				for range 250 {
					p.take(r.Int64N(400))
				}
			case 3: // a backlog is dropped
				p.play(r.Int64N(3000), 2000)
				p.at = max(p.at, p.arrived)
			default:
				p.play(1000+r.Int64N(20_000), r.Int64N(100))
			}
			p.play(1500, 20)
			if abs(p.off) > 250 {
				t.Fatalf("at %d the date is %d ms off", p.at, p.off)
			}
		}
	})
}
