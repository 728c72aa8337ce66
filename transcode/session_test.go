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
	if _, err := r.b.UpdateLive(t.Context(), r.sid, func(l *bus.Live) error {
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
