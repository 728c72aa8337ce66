package ingest

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// streaming sends without end, until stop is called.
func streaming(p *rtmptest.Peer) (stop func()) {
	p.Configs(0)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for ts := uint32(0); ; {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				ts = p.Frames(ts, 1)
			}
		}
	}()
	return sync.OnceFunc(func() { close(over); <-done })
}

// Of two encoders with one key and one name the one that sends keeps it: the other is told BadName, and stops. One that
// is silent is lost: who comes then goes on with the stream, and so does at once who insists.
func TestTwoEncodersOneName(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.MaxAhead = time.Hour })
	name := "cam?key=" + r.key.Secret
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", name)
	stop := streaming(p)
	defer stop()
	first := r.untilLive("cam", "live", inState(bus.StateLive))
	for range 2 {
		other := rtmptest.Dial(t, r.w.Addr())
		if f := other.Publish("live", name); f["code"] != rtmp.CodeBadName || f["level"] != "error" || !strings.Contains(f["description"], "another encoder with this key") {
			t.Errorf("the second encoder is told %v", f)
		}
		other.HungUp()
	}
	if l := r.untilLive("cam", "live", inState(bus.StateLive)); l.Epoch != 0 || l.Session != first.Session {
		t.Errorf("record %+v", l)
	}
	stop() // its network is gone: the connection is there
	back := rtmptest.Dial(t, r.w.Addr())
	back.MustPublish("live", name)
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeBadName {
		t.Errorf("the connection that was lost is told %v", f)
	}
	stop = streaming(back)
	defer stop()
	r.untilLive("cam", "live from there", func(l *bus.StreamRecord) bool { return l.Epoch == 1 && l.Session == first.Session })
	insists := rtmptest.Dial(t, r.w.Addr())
	insists.MustPublish("live", name+"&takeover=1")
	if _, f := back.Await("onStatus"); f["code"] != rtmp.CodeBadName {
		t.Errorf("who is taken over from is told %v", f)
	}
	insists.Configs(0)
	insists.Frames(0, 30)
	r.untilLive("cam", "live from there", func(l *bus.StreamRecord) bool { return l.Epoch == 2 && l.Session == first.Session })
}

// The same where the other one publishes at another worker.
func TestTwoEncodersAtTwoWorkers(t *testing.T) {
	t.Parallel()
	srv := bustest.StartServer(t)
	r := newRigWith(t, srv.Connect(t), bustest.Log(t), func(c *Config) { c.MaxAhead = time.Hour })
	there, _ := runWorker(t, srv.Connect(t), r.keys, bustest.Log(t), nil)
	name := "cam?key=" + r.key.Secret
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", name)
	stop := streaming(p)
	defer stop()
	r.untilLive("cam", "live", inState(bus.StateLive))
	r.stored("cam", 100)
	if f := rtmptest.Dial(t, there.Addr()).Publish("live", name); f["code"] != rtmp.CodeBadName {
		t.Errorf("the second encoder is told %v", f)
	}
	stop()
	back := rtmptest.Dial(t, there.Addr())
	back.MustPublish("live", name)
	back.Configs(0)
	back.Frames(0, 30)
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeBadName {
		t.Errorf("the connection that was lost is told %v", f)
	}
	r.untilLive("cam", "live from there", func(l *bus.StreamRecord) bool { return l.Epoch == 1 })
}

// Real encoders that are second end, and say why.
func TestSecondEncodersEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.MaxAhead = time.Hour })
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	defer streaming(p)()
	r.untilLive("cam", "live", inState(bus.StateLive))
	obs := filepath.Join(t.TempDir(), "obs")
	if out, err := run(t, "gcc", "-O1", "-o", obs, "testdata/obs.c", "-lrtmp"); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	flv := file(t, "1")
	if out, err := run(t, obs, r.url("cam"), flv); err == nil || !strings.Contains(out, "not connected") {
		t.Errorf("librtmp: %v\n%s", err, out)
	}
	if out, err := ffmpeg(t, "-re", "-i", flv, "-c", "copy", "-f", "flv", r.url("cam")); err == nil || !strings.Contains(out, "is live from another encoder with this key") {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
	if l := r.untilLive("cam", "live", inState(bus.StateLive)); l.Epoch != 0 {
		t.Errorf("record %+v", l)
	}
}

// However a publisher says that it is over, the stream ends at once; the connection stays, and may publish
// again, by the same name or another.
func TestPublishAgainOnOneConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Grace, c.GraceClean = time.Hour, 0 })
	name := amf.AppendString(nil, "cam")
	p := rtmptest.Dial(t, r.w.Addr())
	if f := p.Connect("live"); f["code"] != "NetConnection.Connect.Success" {
		t.Fatalf("connect: %v", f)
	}
	p.Command(0, "createStream", 4, rtmptest.None)
	stream := uint32(amf.Float(p.Result(4)))
	again := func() {
		p.Command(0, "deleteStream", 0, rtmptest.None, amf.AppendNumber(nil, float64(stream)))
		p.Command(0, "createStream", 9, rtmptest.None)
		stream = uint32(amf.Float(p.Result(9)))
	}
	for i, end := range []struct {
		how string
		do  func()
	}{
		{"FCUnpublish", func() { p.Command(0, "FCUnpublish", 6, rtmptest.None, name); p.Result(6) }},
		{"unpublish", func() { p.Command(stream, "unpublish", 0, rtmptest.None) }},
		{"closeStream", func() { p.Command(stream, "closeStream", 0, rtmptest.None) }},
		{"publish-false", func() { p.Command(stream, "publish", 0, rtmptest.None, []byte{amf.MarkerBoolean, 0}) }},
		{"deleteStream", again},
		{"deleteStream-on-it", func() {
			p.Command(stream, "deleteStream", 0, rtmptest.None, amf.AppendNumber(nil, float64(stream)))
			p.Command(0, "createStream", 10, rtmptest.None)
			stream = uint32(amf.Float(p.Result(10)))
		}},
		{"all-of-them", func() {
			p.Command(0, "FCUnpublish", 6, rtmptest.None, name)
			p.Command(stream, "closeStream", 0, rtmptest.None)
			again()
		}},
		{"another-stream", func() {
			p.Command(stream, "closeStream", 0, rtmptest.None)
			p.Command(0, "createStream", 11, rtmptest.None)
			stream = uint32(amf.Float(p.Result(11)))
		}},
	} {
		for _, name := range []string{"cam", end.how} {
			if f := p.PublishOn(stream, name+"?key="+r.key.Secret); f["code"] != "NetStream.Publish.Start" {
				t.Fatalf("%s before %s: %v", name, end.how, f)
			}
			p.Stream = stream
			p.Configs(0)
			p.Frames(0, 25+i)
			end.do()
			l := r.untilLive(name, "over", inState(bus.StateEnded))
			if l.Reason != "the publisher stopped" {
				t.Errorf("%s: %q", end.how, l.Reason)
			}
		}
		if video, audio := checkChunks(t, r.chunks(end.how), 0); video != 25+i || audio != 2*(25+i) {
			t.Errorf("%s: %d and %d frames of %d", end.how, video, audio, 25+i)
		}
	}
}

// What FMLE's commands are answered: encoders that wait for it need not.
func TestCommandsOfFMLEAreAnswered(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.Connect("live")
	p.Command(0, "releaseStream", 2, rtmptest.None, amf.AppendString(nil, "cam"))
	p.Result(2)
	p.Command(0, "FCPublish", 3, rtmptest.None, amf.AppendString(nil, "cam?key="+r.key.Secret))
	p.Result(3)
	if _, f := p.Await("onFCPublish"); f["code"] != "NetStream.Publish.Start" || f["description"] != "cam" {
		t.Errorf("onFCPublish %v", f)
	}
	p.Command(0, "FCUnpublish", 4, rtmptest.None, amf.AppendString(nil, "cam"))
	p.Result(4)
	if _, f := p.Await("onFCUnpublish"); f["code"] != "NetStream.Unpublish.Success" {
		t.Errorf("onFCUnpublish %v", f)
	}
}
