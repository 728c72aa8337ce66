package ingest

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The bus dies under a publisher and comes back with an empty media log: the
// publisher notices nothing, a reader gets every chunk, and what the lost log
// held since the last pictures to begin with is there again.
func TestBusRestartsUnderAPublisher(t *testing.T) {
	srv := bustest.StartServer(t)
	r := newRigWith(t, srv.Connect(t), bustest.Log(t), nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	ts := p.Frames(0, 60)
	r.untilLive("cam", "live", inState(bus.StateLive))
	reader, err := r.bus.FollowMedia(t.Context(), "cam", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Stop()
	var got []*bus.Chunk
	read := func(until int64) {
		t.Helper()
		for len(got) == 0 || got[len(got)-1].DTS < until {
			c, err := reader.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n := len(got); n > 0 && c.N <= got[n-1].N { // the promise to readers
				continue
			}
			got = append(got, c)
		}
	}
	read(2000)

	srv.Stop(t)
	stored := testutil.ToFloat64(r.w.stats.chunks)
	ts = p.Frames(ts, 60)
	bustest.Eventually(t, "the ring to fill", func() bool { return testutil.ToFloat64(r.w.stats.frames) >= 3*120 })
	srv.Start(t)
	bustest.Eventually(t, "the bus", r.bus.Connected)
	p.Frames(ts, 60)
	read(7000)
	p.Stop("cam")
	r.untilLive("cam", "over", inState(bus.StateGrace))
	read(7100)
	if video, audio := checkChunks(t, got, 0); video < 178 || audio < 356 {
		t.Errorf("%d and %d frames of 180 and 360", video, audio)
	}
	again := testutil.ToFloat64(r.w.stats.restored)
	if again == 0 || testutil.ToFloat64(r.w.stats.lost) != 0 {
		t.Errorf("%v chunks stored again, %v lost", again, testutil.ToFloat64(r.w.stats.lost))
	}
	if first := r.chunks("cam")[0]; !first.Key || first.DTS > 2000 {
		t.Errorf("the new log begins with %+v", first)
	}
	t.Logf("%v chunks stored before, %v again", stored, again)
}

// A bus that stays away longer than the ring holds costs the oldest groups of
// pictures, and the stream goes on where a decoder can begin.
func TestBusStaysAway(t *testing.T) {
	srv := bustest.StartServer(t)
	r := newRigWith(t, srv.Connect(t), bustest.Log(t), func(c *Config) { c.RingTime = 3 * time.Second })
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	ts := p.Frames(0, 50)
	r.untilLive("cam", "live", inState(bus.StateLive))
	r.stored("cam", 1900)
	srv.Stop(t)
	ts = p.Frames(ts, 150)
	bustest.Eventually(t, "the ring to overflow", func() bool { return testutil.ToFloat64(r.w.stats.lost) > 0 })
	srv.Start(t)
	bustest.Eventually(t, "the bus", r.bus.Connected)
	p.Frames(ts, 25)
	p.Stop("cam")
	r.untilLive("cam", "over", inState(bus.StateGrace))
	chunks := r.chunks("cam")
	if first := chunks[0]; !first.Key {
		t.Errorf("the new log begins with chunk %d, which is no Key chunk", first.N)
	}
	checkChunks(t, chunks, chunks[0].DTS)
}

// A worker that is stopped leaves its streams in grace; the next one's
// publisher goes on with them.
func TestWorkerRestarts(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 50)
	r.stored("cam", 1900)
	r.stop()
	p.HungUp()
	l := r.untilLive("cam", "in grace", inState(bus.StateGrace))
	r.w, r.stop = runWorker(t, r.bus, r.keys, bustest.Log(t), nil)
	p = rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 50)
	if again := r.untilLive("cam", "live", inState(bus.StateLive)); again.Session != l.Session || again.Epoch != 1 {
		t.Errorf("record %+v after %+v", again, l)
	}
	p.Stop("cam")
	r.untilLive("cam", "over", inState(bus.StateGrace))
	if video, _ := checkChunks(t, r.chunks("cam"), 0); video != 100 {
		t.Errorf("%d pictures of 100", video)
	}
	r.stop()
	r.noneLeft()
}

// Two workers on one bus: the publisher who comes back at the other one takes
// over there.
func TestTakeoverAcrossWorkers(t *testing.T) {
	srv := bustest.StartServer(t)
	a := newRigWith(t, srv.Connect(t), bustest.Log(t), nil)
	p := rtmptest.Dial(t, a.w.Addr())
	p.MustPublish("live", "cam?key="+a.key.Secret)
	p.Configs(0)
	p.Frames(0, 50)
	a.stored("cam", 1900)

	b := newRigWith(t, srv.Connect(t), bustest.Log(t), nil)
	if f := rtmptest.Dial(t, b.w.Addr()).Publish("live", "cam?key="+b.key.Secret); f["code"] != rtmp.CodeBadName {
		t.Errorf("another key at another worker was answered %v", f)
	}
	bustest.Eventually(t, "the key", func() bool { return b.keys.Has(a.key.ID) })
	q := rtmptest.Dial(t, b.w.Addr())
	q.MustPublish("live", "cam?key="+a.key.Secret)
	q.Configs(0)
	q.Frames(0, 50)
	p.HungUp()
	l := a.untilLive("cam", "live again", func(l *bus.StreamRecord) bool { return l.Epoch == 1 })
	if l.State != bus.StateLive || l.Ingest != b.bus.ID() {
		t.Errorf("record %+v", l)
	}
	q.Stop("cam")
	a.untilLive("cam", "over", inState(bus.StateGrace))
	checkChunks(t, a.chunks("cam"), 0)
}
