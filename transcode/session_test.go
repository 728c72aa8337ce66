package transcode

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// The clock is set back between two sessions of a name: media of the first one
// that is still in the log does not get into the second.
func TestSessionAfterTheClockWasSetBack(t *testing.T) {
	tags := record(t, short)
	r := newRig(t, "live")
	of := func(session string) []*bus.Chunk {
		all := chunksOf(r.sid, r.wall, tags)
		for _, c := range all {
			c.Session = session
		}
		return all
	}
	r.end(r.publish(of("s1"))) // nobody has read it yet
	r.wall -= 3600_000
	if _, err := r.b.UpdateStreamRecord(t.Context(), r.sid, func(l *bus.StreamRecord) error {
		l.State, l.Session, l.StartedAt, l.LastMedia = bus.StateLive, "s2", r.wall, 0
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.end(r.publish(of("s2")))
	r.work()
	for name, parts := range r.collect(sourceName, "240p", audioName) {
		check(t, name, parts)
		for _, p := range parts {
			if s := p.Segment; s != nil && (s.Session != "s2" || s.PDT > r.wall+60_000) {
				t.Errorf("%s: segment %d is of the session before: %+v", name, p.MSN, s)
			}
		}
	}
}

// Where a rendition's first parts wait to be stored, the others' tell a next
// worker to read the media of those again, though a later period has begun.
func TestNeedOfWhatIsNotStored(t *testing.T) {
	r := &rendition{checkpoints: &checkpoints{{seq: 1}, {seq: 2, dts: 1000, pts: 1000, audioClock: 1000}}, pub: newPublisher(nil, 0)}
	begins := func(number int, at int64) uint64 {
		r.begin(&period{number: number, partTarget: 200, start: segmentBoundary{dts: at, pts: at}}, renditionSpec{name: "source"})
		return r.storedCheckpoint.Load()
	}
	if got := begins(1, 0); got != 1 {
		t.Errorf("it needs mark %d to begin with", got)
	}
	r.tracks = nil
	r.pending.Add(1)
	if got := begins(2, 1000); got != 1 {
		t.Errorf("with a part of before not stored it needs mark %d", got)
	}
	r.tracks = nil
	r.pending.Add(-1)
	if got := begins(3, 1000); got != 2 {
		t.Errorf("with all of before stored it needs mark %d", got)
	}
}
