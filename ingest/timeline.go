package ingest

// timeline puts one publisher's 32-bit timestamps, which wrap, jump and stand
// still, onto the stream clock (bus.Chunk says what that promises). All times
// are milliseconds.
//
// Both tracks have one clock, RTMP says. What then comes later by its timestamps
// than by its arrival trails: its place is that of its timestamp. Where tracks have
// clocks of their own the one that begins second is placed by its arrival, and so
// is one whose clock is set alone; from there on they stay as they are
// (docs/decisions/0019-sound-and-picture.md says how that is seen).
type timeline struct {
	start  int64 // clock of the epoch's first tag
	head   int64 // highest clock so far
	jumps  int
	late   int  // tags that were left out since they came too late
	apart  bool // the tracks' clocks had nothing to do with each other
	begun  bool
	offset int64 // clock - unwrapped timestamp, of the track that jumped last
	day    daytime
	tracks [2]track
}

// track is the picture's or the sound's way through time.
type track struct {
	seen   bool
	raw    uint32 // last timestamp
	long   int64  // the same, unwrapped, on the clock of the other track
	first  int64  // the first of them
	placed bool
	from   int64 // clock before which it has no place any more
	offset int64 // clock - long
	last   int64 // last clock
	lag    lag
	alone  int // tags since the last of the other track: of lag they say nothing

	// The jumps of the other track that this one has not made yet, and may still come to
	// do: by how much each moved its offset, and the clock of the last.
	owed   []int64
	owedAt int64
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
	maxSkew  = 10_000 // tracks whose timestamps are further apart have clocks of their own
	maxLag   = 5000   // what trails the other track by more is left out
	// latePicture is less than what transcode waits for pictures while sound goes on, before it repeats the last.
	latePicture = 1400
	usualLag    = 500  // tracks that are less apart are so by their encoders and the network
	maxStart    = 3000 // and if they begin further apart, in their timestamps too, likewise...
	sameTime    = 1000 // ...where this is too far
	maxOwed     = 8    // jumps of one track that the other may still make
)

// newTimeline is one that sees timestamps, before the stream begins.
func newTimeline() *timeline { return &timeline{} }

// begin begins an epoch at clock start, which is now, of a stream whose
// dates do not go back: its clock 0 was not before the unix time first.
func (t *timeline) begin(start, now, first int64) {
	t.start, t.head = start, start
	t.day = daytime{wall: max(now-start, first), slewn: start}
}

// wall is the unix time of clock 0 by the last Key chunk, see bus.Chunk.
func (t *timeline) wall() int64 { return t.day.wall }

// key says that a Key chunk begins at this clock.
func (t *timeline) key(clock int64) { t.day.settle(clock, t.offset) }

// see takes the timestamp of a tag of track i in, in the order in which they come,
// also before the stream begins. It gives it unwrapped, on a clock that both tracks have.
func (t *timeline) see(i int, ts uint32) int64 {
	k, o := &t.tracks[i], &t.tracks[1-i]
	switch {
	case k.seen:
		k.long += int64(int32(ts - k.raw))
	case o.seen:
		k.long = o.long + int64(int32(ts-o.raw))
		if t.apart = unrelated(k.long-o.long, k.long-o.first); t.apart {
			k.long = o.long // what comes together belongs together
		}
		k.first = k.long
	default:
		k.long, k.first = int64(ts), int64(ts)
	}
	k.seen, k.raw = true, ts
	return k.long
}

// unrelated says whether the timestamps of a track that begins have nothing to do with those of
// the other: ahead is how far its first one is from the other's newest, later how
// far from the other's first. A track that trails begins where the other did, and
// comes later; or it comes with it, and is some time behind.
func unrelated(ahead, later int64) bool {
	return abs(ahead) > maxSkew || abs(ahead) > maxStart && abs(later) > sameTime
}

// place gives the clock of a tag of track i that see gave a time, and that
// arrived now. ok is false for one that has no place: it is from before its track's
// beginning, or too late.
func (t *timeline) place(i int, long, now int64) (clock int64, ok bool) {
	k := &t.tracks[i]
	if !t.begun {
		t.begun = true
		t.day.begin(long, now)
		t.offset = t.start - long
		for n := range t.tracks {
			k := &t.tracks[n]
			k.offset, k.last, k.from = t.offset, t.start-maxSkew, t.start
		}
	}
	clock = t.clock(k, long, now)
	if len(k.owed) == 0 && clock > t.head-usualLag {
		t.day.heard(clock-t.offset, now)
	}
	switch {
	case clock < t.start:
		return clock, false
	case t.head-clock > maxLag:
		t.late++
		return clock, false
	case clock < k.from:
		return clock, false
	}
	clock = max(clock, k.last+1)
	k.last, k.placed = clock, true
	t.head = max(t.head, clock)
	if k.alone == 0 {
		k.lag.note(t.head-clock, t.head)
	}
	k.alone, t.other(k).alone = k.alone+1, 0
	return clock, true
}

// given says how far media was given on when a tag of track i comes. What is much earlier
// has no place any more where the track begins, nor a picture where others stand in for it by then.
func (t *timeline) given(i int, clock int64) {
	switch k := &t.tracks[i]; {
	case !t.begun:
	case !k.placed:
		k.from = max(t.start, clock-usualLag)
	case i == trackVideo:
		k.from = max(k.from, clock-latePicture)
	}
}

// clock is where a tag belongs.
func (t *timeline) clock(k *track, long, now int64) int64 {
	clock := long + k.offset
	if len(k.owed) > 0 {
		if n := t.follows(k, clock); n > 0 {
			for _, by := range k.owed[:n] {
				k.offset += by
			}
			k.owed = k.owed[n:]
			return long + k.offset
		}
		if t.fits(k, clock) {
			if clock > k.owedAt+maxLag {
				k.owed = nil // the other track jumped alone
			}
			return clock
		}
	}
	if t.fits(k, clock) {
		return clock
	}
	if together, ok := t.together(k, long); ok {
		k.offset, k.owed = together-long, nil
	} else {
		t.jump(k, long, now)
	}
	return long + k.offset
}

// together is where a tag belongs if the timestamps of both tracks, as they came, have agreed again.
func (t *timeline) together(k *track, long int64) (clock int64, ok bool) {
	o := t.other(k)
	apart := int64(int32(k.raw-o.raw)) + long - k.long
	clock = o.long + o.offset + apart
	return clock, o.placed && len(o.owed) == 0 && abs(apart) <= sameTime && t.fits(k, clock)
}

// follows says how many of the jumps that it owes a track has made with a tag that
// would without have this clock: those that let it go on the smoothest.
func (t *timeline) follows(k *track, clock int64) (n int) {
	best := int64(1 << 62)
	if t.fits(k, clock) {
		best = abs(clock - k.last)
	}
	for i, by := range k.owed {
		if clock += by; t.fits(k, clock) && abs(clock-k.last) < best {
			best, n = abs(clock-k.last), i+1
		}
	}
	return n
}

// fits says whether the stream can go on with a tag of this clock: no pause
// before it, and not far back on its track.
func (t *timeline) fits(k *track, clock int64) bool {
	gap := int64(maxGap)
	if !k.placed {
		gap = maxStart
	}
	return clock <= t.reached(k)+gap && clock > k.last-maxBack
}

// reached is how far the stream is for a tag of a track: where the other one trails and
// went on meanwhile, a gap is this track's alone.
func (t *timeline) reached(k *track) int64 {
	o := t.other(k)
	return max(t.head, o.last+o.lag.steady())
}

func (t *timeline) other(k *track) *track {
	if k == &t.tracks[0] {
		return &t.tracks[1]
	}
	return &t.tracks[0]
}

// jump lets the stream go on one frame after what there is, or a track that trails
// one frame after where it would be.
func (t *timeline) jump(k *track, long, now int64) {
	t.jumps++
	o := t.other(k)
	clock := max(t.head+oneFrame-k.lag.steady(), k.last+1)
	by := clock - long - k.offset
	k.offset += by
	if len(k.owed) > 0 { // the other one has jumped as well, and not by as much
		k.owed = nil
	} else {
		// its media is as late as before, and that of the other later or earlier by what it trails
		t.day.jumped(t.head-t.offset, clock-by-t.offset, now-k.lag.steady())
		t.offset += by
		if !o.placed {
			o.offset += by
		} else if o.owed = append(o.owed, by); len(o.owed) > maxOwed {
			o.owed = o.owed[1:]
		}
		o.owedAt = clock
	}
}

// soundTrails is by how much the sound comes later than the picture of the same
// time, less than 0: earlier.
func (t *timeline) soundTrails() int64 {
	return t.tracks[trackAudio].lag.least() - t.tracks[trackVideo].lag.least()
}

// lag is how far a track has been behind the newest tag of the stream lately: the
// least of it, so that neither bursts nor the network count.
type lag struct {
	now, before int64 // of the windows
	from        int64 // clock at which the newest began
	known       bool
}

// lagWindow is how long the newest window lasts.
const lagWindow = 2000

func (l *lag) note(behind, head int64) {
	switch {
	case !l.known:
		*l = lag{behind, behind, head, true}
	case head-l.from >= lagWindow:
		l.before, l.now, l.from = l.now, behind, head
	}
	l.now = min(l.now, behind)
}

func (l *lag) least() int64 { return min(l.now, l.before) }

// steady is by how much the track trails, 0 where it does not.
func (l *lag) steady() int64 {
	if n := l.least(); n > oneFrame {
		return n
	}
	return 0
}
