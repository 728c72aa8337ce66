package ingest

// timeline puts one publisher's 32-bit timestamps, which wrap, jump and stand
// still, onto the stream clock (bus.Chunk says what that promises). All times
// are milliseconds.
type timeline struct {
	start  int64 // clock of the epoch's first tag
	head   int64 // highest clock so far
	jumps  int
	begun  bool
	offset int64 // clock - unwrapped timestamp, as it is
	before int64 // and as it was before the last jump
	day    daytime
	tracks [2]track
}

// track is the picture's or the sound's way through time.
type track struct {
	begun  bool
	raw    uint32 // last timestamp
	long   int64  // the same, unwrapped
	last   int64  // last clock
	behind bool   // the other track jumped, and this one may still come to do so
}

// The tracks.
const (
	trackVideo = iota
	trackAudio
)

const (
	maxGap   = 1000   // more between two tags of the stream is a pause
	maxBack  = 200    // more backwards on one track is a jump
	oneFrame = 40     // what a jump takes on the clock
	maxSkew  = 10_000 // how far a track may lag behind the other at the start
)

// newTimeline begins an epoch at clock start, which is now, of a stream whose
// dates do not go back: its clock 0 was not before the unix time first.
func newTimeline(start, now, first int64) *timeline {
	t := &timeline{start: start, head: start, day: daytime{wall: max(now-start, first), slewn: start}}
	for i := range t.tracks {
		t.tracks[i].last = start - maxSkew
	}
	return t
}

// wall is the unix time of clock 0 by the last Key chunk, see bus.Chunk.
func (t *timeline) wall() int64 { return t.day.wall }

// key says that a Key chunk begins at this clock.
func (t *timeline) key(clock int64) { t.day.settle(clock, t.offset) }

// place gives the clock of a tag of track i that arrived now. ok is false for
// one from before the epoch's start, which has no place.
func (t *timeline) place(i int, ts uint32, now int64) (clock int64, ok bool) {
	k := &t.tracks[i]
	if !t.begun {
		t.begun = true
		t.day.begin(int64(ts), now)
		k.begun, k.raw, k.long = true, ts, int64(ts)
		t.offset = t.start - k.long
		t.before = t.offset
	}
	if !k.begun {
		k.begun, k.raw, k.long = true, t.tracks[1-i].raw, t.tracks[1-i].long
	}
	k.long += int64(int32(ts - k.raw))
	k.raw = ts
	clock = t.clock(k, now)
	if !k.behind {
		t.day.heard(k.long, now)
	}
	if clock < t.start {
		return 0, false
	}
	clock = max(clock, k.last+1)
	k.last = clock
	t.head = max(t.head, clock)
	return clock, true
}

func (t *timeline) clock(k *track, now int64) int64 {
	clock := k.long + t.offset
	if k.behind {
		if old := k.long + t.before; t.fits(k, old) && (!t.fits(k, clock) || abs(old-k.last) < abs(clock-k.last)) {
			return old
		}
		k.behind = false
	}
	if !t.fits(k, clock) {
		t.jump(k, now)
		clock = k.long + t.offset
	}
	return clock
}

// fits says whether the stream can go on with a tag of this clock: no pause
// before it, and not far back on its track.
func (t *timeline) fits(k *track, clock int64) bool {
	return clock <= t.head+maxGap && clock > k.last-maxBack
}

// jump lets the stream go on one frame after what there is.
func (t *timeline) jump(k *track, now int64) {
	t.jumps++
	t.day.jumped(t.head-t.offset, k.long, now)
	t.before = t.offset
	t.offset = t.head + oneFrame - k.long
	for i := range t.tracks {
		t.tracks[i].behind = &t.tracks[i] != k
	}
}
