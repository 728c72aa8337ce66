package ingest

import (
	"encoding/binary"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

const day0 = 1_700_000_000_000 // unix ms

func begunTimeline(start, now, first int64) *timeline {
	t := newTimeline()
	t.begin(start, now, first)
	return t
}

// put gives a tag that was just seen its place.
func (t *timeline) put(track int, ts uint32, now int64) (clock int64, ok bool) {
	return t.place(track, t.see(track, ts), now)
}

// play gives a timeline both tracks' tags of n pictures at 25 a second.
func play(t *testing.T, tl *timeline, ts uint32, at int64, n int) (last int64) {
	t.Helper()
	for i := range n {
		for track := range 2 {
			clock, ok := tl.put(track, ts+uint32(i*40+track*10), at+int64(i*40))
			if !ok {
				t.Fatalf("tag %d of track %d has no place", i, track)
			}
			last = clock
		}
	}
	return last
}

func TestTimelineFollowsThePublisher(t *testing.T) {
	for _, start := range []uint32{0, 5 * 3600 * 1000, 1<<24 - 100, 1<<32 - 100} {
		tl := begunTimeline(0, day0, day0)
		if last := play(t, tl, start, day0, 100); last != 99*40+10 || tl.jumps != 0 || tl.wall() != day0 {
			t.Errorf("from %d: last %d, %d jumps, wall %d", start, last, tl.jumps, tl.wall())
		}
	}
}

// A pause of the whole stream is cut out, and the wall time keeps it.
func TestTimelineCutsPauses(t *testing.T) {
	tl := begunTimeline(0, day0, day0)
	play(t, tl, 0, day0, 25) // last picture at 960, its sound at 970
	clock, _ := tl.put(trackVideo, 5960, day0+5960)
	if tl.wall() != day0 {
		t.Errorf("the date steps before a key frame, by %d", tl.wall()-day0)
	}
	tl.key(clock)
	if clock != 970+oneFrame || abs(tl.wall()+clock-day0-5960) > 10 { // sound of 970 arrived at 960
		t.Errorf("after a freeze of 5 s: clock %d, wall %d", clock, tl.wall()-day0)
	}
	if last := play(t, tl, 6000, day0+6000, 25); last != clock+40+24*40+10 {
		t.Errorf("then %d", last)
	}
}

// A jump of the publisher's clock is no pause: the wall time stays as it is.
func TestTimelineTakesJumpsOut(t *testing.T) {
	for _, jump := range []int64{-60_000, -500, 30_000, 5 * 3600 * 1000, -1 << 31, 1 << 31} {
		tl := begunTimeline(0, day0, day0)
		play(t, tl, 100_000, day0, 25)
		ts := uint32(101_000 + jump)
		clock, ok := tl.put(trackVideo, ts, day0+1000)
		tl.key(clock)
		if !ok || clock != 970+oneFrame || tl.jumps != 1 || tl.wall() != day0 {
			t.Errorf("jump by %d: clock %d, %d jumps, wall %d", jump, clock, tl.jumps, tl.wall()-day0)
		}
		// A straggler of the other track, still on the old clock, does not jump back.
		if s, _ := tl.put(trackAudio, 101_001, day0+1001); s > clock+100 || tl.jumps != 1 {
			t.Errorf("jump by %d: the straggler at %d, %d jumps", jump, s, tl.jumps)
		}
		if last := play(t, tl, ts+40, day0+1040, 25); tl.jumps != 1 || last != clock+40+24*40+10 {
			t.Errorf("jump by %d: then %d with %d jumps", jump, last, tl.jumps)
		}
	}
}

// While sound goes on a gap in the picture stays.
func TestTimelineKeepsGapsOfOneTrack(t *testing.T) {
	tl := begunTimeline(0, day0, day0)
	play(t, tl, 0, day0, 25)
	for ts := uint32(980); ts < 4000; ts += 20 {
		tl.put(trackAudio, ts, day0+int64(ts))
	}
	if clock, _ := tl.put(trackVideo, 4000, day0+4000); clock != 4000 || tl.jumps != 0 {
		t.Errorf("the picture came back at %d, %d jumps", clock, tl.jumps)
	}
}

// A publisher who had run ahead of time and comes back stays within its session.
func TestTimelineStaysInItsSession(t *testing.T) {
	if tl := begunTimeline(9000, day0+2000, day0); tl.wall() != day0 {
		t.Errorf("wall %d", tl.wall()-day0)
	}
	if tl := begunTimeline(9000, day0+9500, day0); tl.wall() != day0+500 {
		t.Errorf("wall %d", tl.wall()-day0)
	}
}

// Sound that is sent long after the picture it belongs to is in order.
func TestTimelineAllowsSkew(t *testing.T) {
	tl := begunTimeline(0, day0, day0)
	for i := range int64(100) {
		ts := uint32(i * 40)
		tl.put(trackVideo, 10_000+ts, day0+i*40)
		clock, ok := tl.put(trackAudio, 10_000+ts-1500, day0+i*40)
		if ok != (i*40 >= 1500) || ok && clock != i*40-1500 {
			t.Fatalf("sound of %d at %d, %v", i*40-1500, clock, ok)
		}
	}
	if tl.jumps != 0 {
		t.Errorf("%d jumps", tl.jumps)
	}
}

// Whatever comes, clocks rise on each track and never leap.
func FuzzTimeline(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 40, 1, 0, 0, 0, 41})
	f.Add([]byte{0, 255, 255, 255, 255, 1, 0, 0, 0, 3, 0, 0x7f, 0, 0, 0, 1, 0x80, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		const start = 7000
		tl := begunTimeline(start, day0, day0-start)
		last, head, at := [2]int64{-1, -1}, int64(start), int64(day0)
		for ; len(b) >= 5; b = b[5:] {
			track, ts := int(b[0]&1), binary.BigEndian.Uint32(b[1:])
			at += int64(b[0] >> 1)
			wall := tl.wall()
			clock, ok := tl.put(track, ts, at)
			if tl.wall() != wall {
				t.Fatalf("the date steps by %d before a key frame", tl.wall()-wall)
			}
			if !ok {
				continue
			}
			if ts%8 == 0 {
				tl.key(clock)
				if by := tl.wall() - wall; abs(by) > 1 && by < bus.WallStep-1 {
					t.Fatalf("the date steps by %d", by)
				}
			}
			if clock < start || clock <= last[track] || clock > head+maxGap {
				t.Fatalf("track %d at %d after %d, head %d", track, clock, last[track], head)
			}
			last[track], head = clock, max(head, clock)
		}
	})
}
