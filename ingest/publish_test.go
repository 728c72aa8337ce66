package ingest

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// A publisher who comes back within the grace goes on with the same session.
func TestReturnWithinGrace(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 50)
	first := r.untilLive("cam", "live", inState(bus.StateLive))
	p.Conn.Close()
	paused := r.untilLive("cam", "in grace", inState(bus.StateGrace))
	if paused.LastMedia == 0 || paused.PausedAt == 0 || paused.Grace != 30_000 || paused.Reason == "" {
		t.Errorf("paused record %+v", paused)
	}
	p = rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(9000)
	p.Frames(9000, 50)
	again := r.untilLive("cam", "live again", inState(bus.StateLive))
	if again.Session != first.Session || again.Epoch != 1 || again.StartedAt != first.StartedAt || again.PausedAt != 0 || again.Reason != "" {
		t.Errorf("record %+v after %+v", again, first)
	}
	p.Conn.Close()
	r.untilLive("cam", "in grace", inState(bus.StateGrace))
	if video, audio := checkChunks(t, r.chunks("cam"), 0); video != 100 || audio != 200 {
		t.Errorf("%d and %d frames of 100 and 200", video, audio)
	}
}

// Who comes after the grace begins a new session; the facts are published.
func TestGraceEnds(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Grace, c.GraceClean = 0, 0 })
	for range 2 {
		p := rtmptest.Dial(t, r.w.Addr())
		p.MustPublish("live", "cam?key="+r.key.Secret)
		p.Configs(0)
		p.Frames(0, 5)
		r.untilLive("cam", "live", inState(bus.StateLive))
		p.Conn.Close()
		r.untilLive("cam", "ended", inState(bus.StateEnded))
	}
	started, ended := bustest.Expect[bus.StreamStarted](t, r.bus), bustest.Expect[bus.StreamEnded](t, r.bus)
	interrupted := bustest.Expect[bus.StreamInterrupted](t, r.bus)
	var sessions []string
	for range 2 {
		s, i, e := started(), interrupted(), ended()
		if s.Name != "cam" || s.Width == 0 || s.Session != e.Session || i.Session != s.Session || e.Reason != "the publisher's connection was lost" || e.Epochs != 1 {
			t.Errorf("facts %+v\n%+v\n%+v", s, i, e)
		}
		sessions = append(sessions, s.Session)
	}
	if sessions[0] == sessions[1] {
		t.Error("one session, not two")
	}
}

// The same key takes a stream over from its old connection; another key may not.
func TestTakeover(t *testing.T) {
	r := newRig(t, nil)
	other, err := r.keys.Add(t.Context(), "other", "")
	if err != nil {
		t.Fatal(err)
	}
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 30)
	r.untilLive("cam", "live", inState(bus.StateLive))

	thief := rtmptest.Dial(t, r.w.Addr())
	if f := thief.Publish("live", "cam?key="+other.Secret); f["code"] != rtmp.CodeBadName || f["description"] != `"cam" is live from another publisher; choose another name, or stop that one` {
		t.Errorf("another key was answered %v", f)
	}
	thief.HungUp()

	again := rtmptest.Dial(t, r.w.Addr())
	again.MustPublish("live", "cam?key="+r.key.Secret)
	p.HungUp()
	again.Configs(0)
	again.Frames(0, 30)
	l := r.untilLive("cam", "live with epoch 1", func(l *bus.StreamRecord) bool { return l.Epoch == 1 })
	if l.State != bus.StateLive {
		t.Errorf("record %+v", l)
	}
	again.Stop("cam")
	r.untilLive("cam", "in grace", inState(bus.StateGrace))
	checkChunks(t, r.chunks("cam"), 0)
}

// A revoked key ends its publisher at once, and the stream does not wait for it.
func TestRevoke(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	p.Frames(0, 30)
	r.untilLive("cam", "live", inState(bus.StateLive))
	if err := r.keys.Revoke(t.Context(), r.key.ID); err != nil {
		t.Fatal(err)
	}
	p.HungUp()
	if l := r.untilLive("cam", "ended", inState(bus.StateEnded)); l.Reason != "the stream key was revoked" {
		t.Errorf("reason %q", l.Reason)
	}
	if f := rtmptest.Dial(t, r.w.Addr()).Publish("live", "cam?key="+r.key.Secret); f["code"] != rtmp.CodeDenied {
		t.Errorf("a revoked key was answered %v", f)
	}
}

// Without keys anyone may publish, but not take over from another address.
func TestOpen(t *testing.T) {
	b := bustest.New(t)
	w, _ := runWorker(t, b, nil, bustest.Log(t), func(c *Config) { c.Open = true })
	p := rtmptest.Dial(t, w.Addr())
	p.MustPublish("plane", "cam")
	p.Configs(0)
	p.Frames(0, 30)
	r := &rig{t: t, bus: b}
	if l := r.untilLive("cam", "live", inState(bus.StateLive)); l.App != "plane" || l.KeyID != "" {
		t.Errorf("record %+v", l)
	}
}

// A stream whose ingest worker died is ended by another one.
func TestDeadWorkersStreamsEnd(t *testing.T) {
	t.Parallel()
	b := bustest.New(t)
	_, err := b.UpdateStreamRecord(t.Context(), "cam", func(l *bus.StreamRecord) error {
		l.Name, l.App, l.State, l.Session, l.Ingest, l.StartedAt = "cam", "live", bus.StateLive, "s1", "nobody", now()-5000
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	runWorker(t, b, nil, bustest.Log(t), func(c *Config) { c.Open, c.Grace = true, 0 })
	r := &rig{t: t, bus: b}
	if l := r.untilLive("cam", "ended", inState(bus.StateEnded)); l.Session != "s1" || l.Reason != "the server that took the stream in was lost" {
		t.Errorf("record %+v", l)
	}
	if e := bustest.Expect[bus.StreamEnded](t, b)(); e.Session != "s1" {
		t.Errorf("event %+v", e)
	}
	if e := bustest.Expect[bus.StreamStarted](t, b)(); e.Session != "s1" {
		t.Errorf("event %+v", e)
	}
}

// Who publishes and sends nothing to record loses the name again.
func TestSilentPublisherIsCut(t *testing.T) {
	r := newRig(t, func(c *Config) { c.IdleTimeout = time.Second })
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	go func() { // sound without a configuration, for ever
		for i := uint32(0); ; i += 20 {
			if _, err := p.Conn.Write(chunk.Append(nil, 4, chunk.Message{Type: chunk.Audio, Stream: 1, Timestamp: i, Data: rtmptest.AACFrame()}, 128)); err != nil {
				return
			}
			runtime.Gosched()
		}
	}()
	p.HungUp()
	bustest.Eventually(t, "the name to be free", func() bool { return r.w.publishers.get("cam") == nil })
	r.stillServes("cam")
}

// Without a bus nobody can begin, and is told to try again.
func TestNoBus(t *testing.T) {
	srv := bustest.StartServer(t)
	r := newRigWith(t, srv.Connect(t), bustest.Log(t), func(c *Config) { c.SetupTimeout = time.Second })
	if err := r.w.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
	srv.Stop(t)
	bustest.Eventually(t, "the worker not to be ready", func() bool { return r.w.Ready() != nil })
	p := rtmptest.Dial(t, r.w.Addr())
	if f := p.Publish("live", "cam?key="+r.key.Secret); f["code"] == "NetStream.Publish.Start" {
		p.Configs(0)
		p.Frames(0, 2)
		if _, f = p.Await("onStatus"); f["code"] != rtmp.CodeFailed {
			t.Errorf("answered %v", f)
		}
	} else if f["code"] != rtmp.CodeFailed {
		t.Errorf("answered %v", f)
	}
	p.HungUp()
	srv.Start(t)
	bustest.Eventually(t, "the worker to be ready", func() bool { return r.w.Ready() == nil })
	r.stillServes("cam")
}

// A first configuration without parameter sets, of either kind, waits for the next;
// one that comes later takes nothing away.
func TestConfigurationWithoutSets(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	none := [][]byte{{0x17, 0, 0, 0, 0}, append(bytes.Clone(rtmptest.AVCConfig[:10]), 0xe0, 0), append(bytes.Clone(rtmptest.AVCConfig[:37]), 0)}
	send := func() {
		for _, b := range none {
			p.Video(0, b)
		}
	}
	send()
	p.Frames(0, 5)
	p.Configs(200)
	p.Frames(200, 25)
	send()
	p.Frames(1200, 25)
	p.Stop("cam")
	r.untilLive("cam", "over", inState(bus.StateGrace))
	if video, audio := checkChunks(t, r.chunks("cam"), 0); video != 50 || audio != 100 {
		t.Errorf("%d and %d frames of 50 and 100", video, audio)
	}
}
