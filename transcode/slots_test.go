package transcode

import (
	"context"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// The second stream of a worker with one slot passes through, and is encoded
// when the first has ended.
func TestSlots(t *testing.T) {
	t.Parallel()
	tags := record(t, picture360+tone+"-t 24 "+x264+noBFrames+"-g 60 "+aac)
	first := newRig(t, "live")
	cfg := DefaultConfig()
	cfg.Slots = 1
	first.workOn(first.b, cfg, false)
	seq := first.publish(chunksOf(first.sid, first.wall, tags)[:20])
	waitFor(t, func() bool { _, err := first.b.LastPart(t.Context(), first.sid, "240p"); return err == nil })

	second := first.another("cam2", "p2p")
	chunks := chunksOf(second.sid, second.wall, tags)
	fed := make(chan uint64, 1)
	go func() { fed <- second.pace(2, chunks) }()
	second.reached(sourceName, 1)
	second.reached(audioName, 1)
	if names, _ := second.b.Renditions(t.Context(), second.sid); len(names) != 2 {
		t.Errorf("without a slot: %v", names)
	}
	first.end(seq)
	second.end(<-fed)
	got := second.collect(sourceName, "0", "1", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decodeAll(t, name, parts)
		t.Logf("%s: from segment %d on", name, parts[0].MSN)
	}
	if got["0"][0].MSN == got[sourceName][0].MSN {
		t.Error("encoded from the start")
	}
}

// waitFor polls until a condition holds.
func waitFor(t testing.TB, f func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatal("it does not happen")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestCost(t *testing.T) {
	live := Profiles()["live"]
	for _, c := range []struct {
		w, h     int
		fps      float64
		min, max float64
	}{{1280, 720, 30, 0.25, 0.4}, {1920, 1080, 30, 0.6, 0.9}, {640, 360, 30, 0.03, 0.12}, {320, 180, 30, 0, 0}} {
		if got := cost(live, c.w, c.h, c.fps); got < c.min || got > c.max {
			t.Errorf("%dx%d at %g: %.2f cores", c.w, c.h, c.fps, got)
		}
	}
	s := &slots{cores: 1}
	give, ok := s.take(3)
	if !ok {
		t.Fatal("the first stream is not taken")
	}
	if _, ok := s.take(0.1); ok {
		t.Fatal("more than the machine carries")
	}
	give()
	give()
	if s.used != 0 || s.taken != 0 || !s.free(0.5) {
		t.Fatalf("%+v", s)
	}
}

// another is a second stream on the same bus.
func (r *rig) another(sid, app string) *rig {
	r.t.Helper()
	o := *r
	o.sid, o.wall = sid, time.Now().UnixMilli()
	_, err := r.b.UpdateLive(r.t.Context(), sid, func(l *bus.Live) error {
		*l = bus.Live{SID: sid, Name: sid, App: app, State: bus.StateLive, Session: "s1", StartedAt: o.wall}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return &o
}
