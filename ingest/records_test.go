package ingest

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// The box lost its power with a stream live. Its publisher goes on with it
// within the grace time of the last sign of life, and not the morning after.
func TestReturnAfterPowerCut(t *testing.T) {
	for _, c := range []struct {
		name   string
		stored func(r *rig) // what the logs still hold of the stream
		before time.Duration
		again  bool
	}{
		{"the morning after", func(*rig) {}, 12 * time.Hour, false},
		{"at once, parts are left", func(r *rig) {
			if _, err := r.bus.PublishPart(r.t.Context(), &bus.Part{SID: "cam", Rendition: "source", Data: []byte("media")}, 0); err != nil {
				r.t.Fatal(err)
			}
		}, 12 * time.Hour, true},
		{"at once, the source is left", func(r *rig) {
			if _, err := r.bus.PublishChunk(r.t.Context(), &bus.Chunk{SID: "cam", Session: "s1", Tags: []byte("media")}); err != nil {
				r.t.Fatal(err)
			}
		}, 12 * time.Hour, true},
		{"at once, it had just begun", func(*rig) {}, time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			c.stored(r)
			if _, err := r.bus.UpdateStreamRecord(t.Context(), "cam", func(l *bus.StreamRecord) error {
				l.Name, l.App, l.State, l.Session, l.Ingest, l.KeyID = "cam", "live", bus.StateLive, "s1", "the worker before", r.key.ID
				l.StartedAt = now() - c.before.Milliseconds()
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", "cam?key="+r.key.Secret)
			p.Configs(0)
			p.Frames(0, 30)
			l := r.untilLive("cam", "live here", func(l *bus.StreamRecord) bool { return l.Ingest == r.bus.ID() && l.State == bus.StateLive })
			if (l.Session == "s1") != c.again || (l.Epoch == 1) != c.again {
				t.Errorf("record %+v", l)
			}
			p.Stop("cam")
			r.untilLive("cam", "over", inState(bus.StateGrace))
			if last, err := r.bus.LastChunk(t.Context(), "cam"); err != nil || last.Session != l.Session {
				t.Errorf("the last chunk is of session %q, not %q: %v", last.Session, l.Session, err)
			}
		})
	}
}

// A clock that is set back does not leave a stream in grace for as long.
func TestGraceAfterTheClockWasSetBack(t *testing.T) {
	r := newRig(t, nil)
	if _, err := r.bus.UpdateStreamRecord(t.Context(), "cam", func(l *bus.StreamRecord) error {
		l.Name, l.App, l.State, l.Session, l.Grace = "cam", "live", bus.StateGrace, "s1", 300
		l.StartedAt, l.PausedAt = now()+3600_000, now()+3700_000
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.untilLive("cam", "ended", inState(bus.StateEnded))
}
