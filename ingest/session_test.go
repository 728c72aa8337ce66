package ingest

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// A tag costs the session less than an allocation: a chunk has some, of many tags.
func TestAllocationsPerTag(t *testing.T) {
	const tags = 3000
	cfg := DefaultConfig()
	cfg.MaxBitrate = 1 << 40
	sh := &shared{cfg: cfg, stats: newMetrics(func() float64 { return 0 }), ctx: t.Context()}
	now := time.Now()
	s := newSession(sh, claim{sid: "cam", name: "cam"}, rtmp.Peer{Log: zap.NewNop()}, "")
	s.rec = newRecorder("cam", "s", 0, &nowhere{}, cfg, sh.stats, zap.NewNop())
	s.time = newTimeline(0, now.UnixMilli(), now.UnixMilli())
	s.began, s.pace = now, pacer{began: now, most: 100 * time.Hour}
	go s.rec.run(t.Context())
	idr, p := rtmptest.AVCFrame(true, 5000), rtmptest.AVCFrame(false, 5000)
	i := uint32(0)
	next := func() {
		b := p
		if i%50 == 0 {
			b = idr
		}
		if err := s.Tag(9, i*40, b); err != nil {
			t.Fatal(err)
		}
		i++
	}
	if err := s.Tag(9, 0, rtmptest.AVCConfig); err != nil {
		t.Fatal(err)
	}
	if err := s.Tag(8, 0, rtmptest.AACConfig); err != nil {
		t.Fatal(err)
	}
	s.changed = false
	for range 6 {
		next()
	}
	if n := testing.AllocsPerRun(tags-10, next); n >= 1 {
		t.Errorf("%v allocations a tag", n)
	}
}
