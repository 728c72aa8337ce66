package transcode

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// The second stream of a worker with one slot passes through, and is encoded
// when the first has ended.
func TestSlots(t *testing.T) {
	t.Parallel()
	tags := record(t, picture360+tone+"-t 16 "+x264+noBFrames+"-g 60 "+aac)
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
	ctx, cancel := context.WithTimeout(t.Context(), bustest.Patience)
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
		if got := cost(live, bus.CodecH264, c.w, c.h, c.fps); got < c.min || got > c.max {
			t.Errorf("%dx%d at %g: %.2f cores", c.w, c.h, c.fps, got)
		}
	}
	s := &slots{cores: 1}
	give, ok := s.acquire(3)
	if !ok {
		t.Fatal("the first stream is not taken")
	}
	if _, ok := s.acquire(0.1); ok {
		t.Fatal("more than the machine carries")
	}
	give()
	give()
	if s.used != 0 || s.inUse != 0 || !s.hasRoom(0.5) {
		t.Fatalf("%+v", s)
	}
}

// another is a second stream on the same bus.
func (r *rig) another(sid, app string) *rig {
	r.t.Helper()
	o := *r
	o.sid, o.wall = sid, time.Now().UnixMilli()
	_, err := r.b.UpdateStreamRecord(r.t.Context(), sid, func(l *bus.StreamRecord) error {
		*l = bus.StreamRecord{SID: sid, Name: sid, App: app, State: bus.StateLive, Session: "s1", StartedAt: o.wall}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return &o
}

// A worker without a slot took over and let a rendition be. When it has a slot,
// a minute later, that begins with the next segment, not where it was left.
func TestUpgradeAfterTakeOver(t *testing.T) {
	v, err := cmaf.ParseVideoConfig(cmaf.AVC, []byte(avctest.AVCTiny))
	if err != nil {
		t.Fatal(err)
	}
	g := &period{session: "s", number: 1, mode: passthrough, partTarget: 220, target: Profiles()["live"].Target, video: v, fps: 25, frameMillis: 40}
	r := &rendition{sid: "cam", checkpoints: &checkpoints{}, say: func(bus.Event, time.Time) {}, m: newMetrics(), pub: newPublisher(nil, 0), ready: -1}
	r.spec.name = "480p"
	state := []byte(`{"timeline":{"session":"s","gen":1},"gen":1}`)
	if _, err := r.resume(&bus.Part{MSN: 5, Index: 3, Start: 10_600, End: 10_800, Source: 9, Resume: state}); err != nil {
		t.Fatal(err)
	}
	rung := Profiles()["live"].Rungs[1]
	r.restart() // as job.upgrade does, at 70 s
	r.begin(g, encodedSpec(&rung, "480p", 64, 48))
	r.config(g, v)
	for at := int64(70_000); at < 76_000; at += 40 {
		key := at%2000 == 0
		if key {
			r.addBoundary(g, segmentBoundary{msn: uint64(at / 2000), dts: at, pts: at})
		}
		r.picture(g, cmaf.Frame{DTS: at, PTS: at, Key: key, Data: []byte{0, 0, 0, 1, 0x65}})
	}
	if len(r.pub.queue) == 0 || r.pub.queue[0].MSN != 35 || r.pub.queue[0].Index != 0 || r.pub.queue[0].Start != 70_000 {
		t.Fatalf("it begins with %+v", r.pub.queue[0])
	}
	for _, p := range r.pub.queue {
		if p.End-p.Start > 220 {
			t.Errorf("part %d.%d lasts %d ms", p.MSN, p.Index, p.End-p.Start)
		}
	}
}

// Where nobody can encode TARGETDURATION holds the key frames of OBS, every 250
// pictures; segments of a source that has still fewer are cut all the same.
func TestTargetWithoutEncoder(t *testing.T) {
	for _, c := range []struct{ gop, target int }{{250, 10}, {500, 10}} {
		s := &script{}
		tl := &timeline{sink: s, profile: Profiles()["live"], passOnly: true}
		tl.s = timelineState{Session: "s", N: -1, AudioLag: audioLagStart}
		chunks := chunksOf("s", 0, pictures(t, 0, 40_000, 33, c.gop, 0))
		tl.plan(chunks[:20])
		for _, chunk := range chunks {
			if err := tl.chunk(chunk); err != nil {
				t.Fatal(err)
			}
		}
		tl.finish()
		from := int64(-1)
		for _, line := range s.lines {
			var msn, at int64
			if n, _ := fmt.Sscanf(line, "cut %d at %d", &msn, &at); n < 2 {
				if n, _ = fmt.Sscanf(line, "end %d", &at); n < 1 {
					continue
				}
			}
			if from >= 0 && (at-from+500)/1000 > int64(tl.target()) {
				t.Errorf("a key frame every %d pictures: a segment from %d to %d ms, target %d s", c.gop, from, at, tl.target())
			}
			from = at
		}
		if tl.target() != c.target || from < 39_000 {
			t.Errorf("target %d s, %v", tl.target(), s.lines)
		}
	}
}
