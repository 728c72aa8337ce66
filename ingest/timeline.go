package ingest

// timeline puts one publisher's 32-bit timestamps, which wrap, jump and stand
// still, onto the stream clock (bus.Chunk says what that promises). All times
// are milliseconds.
type timeline struct {
	start int64 // clock of the epoch's first tag
	wall  int64 // unix time of clock 0, see bus.Chunk

	begun   bool
	raw     uint32 // last timestamp seen
	long    int64  // the same, unwrapped
	offset  int64  // clock - unwrapped, as it is
	before  int64  // and as it was before the last jump, for tags of the other track still to come
	head    int64  // highest clock so far
	track   [2]int64
	arrived int64 // unix time of the last tag
	jumps   int
}

const (
	maxGap   = 1000   // more between two tags of the stream is a pause
	maxBack  = 200    // more backwards on one track is a jump
	oneFrame = 40     // what a jump takes on the clock
	maxSkew  = 10_000 // how far a track may lag behind the other at the start
)

// Tracks.
const (
	trackVideo = iota
	trackAudio
)

// newTimeline begins an epoch at clock start, which is now.
func newTimeline(start, now int64) *timeline {
	return &timeline{start: start, wall: now - start, head: start, track: [2]int64{start - maxSkew, start - maxSkew}}
}

// place gives the clock of a tag that arrived now. ok is false for one from
// before the epoch's start, which cannot be placed.
func (t *timeline) place(track int, ts uint32, now int64) (clock int64, ok bool) {
	if !t.begun {
		t.begun = true
		t.raw, t.long, t.arrived = ts, int64(ts), now
		t.offset = t.start - t.long
		t.before = t.offset
	}
	long := t.long + int64(int32(ts-t.raw))
	t.raw, t.long = ts, long
	clock = long + t.offset
	if !t.fits(track, clock) {
		if clock = long + t.before; !t.fits(track, clock) {
			t.jump(long, now)
			clock = long + t.offset
		}
	}
	t.arrived = now
	if clock < t.start {
		return 0, false
	}
	clock = max(clock, t.track[track]+1)
	t.track[track] = clock
	t.head = max(t.head, clock)
	return clock, true
}

// fits says whether the stream can go on with a tag of this clock: no pause
// before it, and not far back on its track.
func (t *timeline) fits(track int, clock int64) bool {
	return clock <= t.head+maxGap && clock > t.track[track]-maxBack
}

// jump lets the stream go on one frame after what there is. The wall time
// grows by what really passed, be the timestamp's jump as it may.
func (t *timeline) jump(long, now int64) {
	t.jumps++
	t.before = t.offset
	t.offset = t.head + oneFrame - long
	t.wall += max(0, now-t.arrived-oneFrame)
}
