package transcode

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus"
)

// timed is a tag on the stream clock.
type timed struct {
	bus.Tag
	at    int64
	epoch int
}

// record has ffmpeg make FLV media and cuts it into tags.
func record(t testing.TB, args string) []timed {
	t.Helper()
	out := filepath.Join(t.TempDir(), "in.flv")
	argv := append(strings.Fields("-hide_banner -v error -nostdin"), strings.Fields(args)...)
	argv = append(argv, "-f", "flv", "-flvflags", "no_duration_filesize", out)
	if msg, err := exec.CommandContext(t.Context(), "ffmpeg", argv...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", argv, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var tags []timed
	for b = b[13:]; len(b) > 0; {
		tag, rest, err := bus.NextTag(b)
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, timed{Tag: tag, at: int64(tag.TS)})
		b = rest
	}
	return tags
}

const (
	picture720 = "-f lavfi -i testsrc2=size=1280x720:rate=30 "
	picture360 = "-f lavfi -i testsrc2=size=640x360:rate=30 "
	tone       = "-f lavfi -i sine=frequency=440:sample_rate=48000 "
	x264       = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 800k -sc_threshold 0 "
	noBFrames  = "-bf 0 "
	aac        = "-c:a aac -b:a 96k -ac 2 "
)

// chunksOf does what ingest does: chunks of 100 ms, a new one at every key
// frame, which starts with the configurations.
func chunksOf(sid string, wall int64, tags []timed) []*bus.Chunk {
	var all []*bus.Chunk
	var cur *bus.Chunk
	var start int64
	var video, audio *bus.Tag
	hasVideo := false // so far
	epoch, n := 0, uint64(0)
	flush := func() {
		if cur != nil && len(cur.Tags) > 0 {
			cur.N = n
			n++
			all = append(all, cur)
		}
		cur = nil
	}
	lastKey := int64(-10000)
	for i := range tags {
		tag := &tags[i]
		if tag.epoch != epoch {
			flush()
			epoch, n, lastKey, video, audio = tag.epoch, 0, -10000, nil, nil
		}
		hasVideo = hasVideo || tag.IsVideoFrame()
		key := tag.IsKey() || !hasVideo && tag.IsAACFrame() && tag.at-lastKey >= 1000
		switch {
		case tag.IsVideoConfig():
			video = &tag.Tag
		case tag.IsAACConfig():
			audio = &tag.Tag
		}
		if cur != nil && (key || tag.at-start >= 100) {
			flush()
		}
		if cur == nil {
			cur = &bus.Chunk{SID: sid, Epoch: epoch, DTS: tag.at, Wall: wall, Key: key}
			start = tag.at
			if key {
				lastKey = tag.at
				for _, c := range []*bus.Tag{video, audio} {
					if c != nil {
						h := *c
						h.TS = uint32(tag.at)
						cur.Tags = bus.AppendTag(cur.Tags, h)
					}
				}
			}
		}
		out := tag.Tag
		out.TS = uint32(tag.at)
		cur.Tags = bus.AppendTag(cur.Tags, out)
	}
	flush()
	return all
}

// rig is a bus with one stream on it.
type rig struct {
	t    testing.TB
	b    *bus.Bus
	srv  *bus.Server
	log  *zap.Logger
	sid  string
	wall int64
}

// patient is a media log that also forgets nothing while a busy machine starves who
// transcodes it, for longer than its usual half a minute.
var patient = bus.LogConfig{MediaAge: 10 * time.Minute}

func newRig(t testing.TB, app string) *rig {
	t.Helper()
	log := zaptest.NewLogger(t, zaptest.Level(zap.InfoLevel))
	srv, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir()}, log.WithOptions(zap.IncreaseLevel(zap.WarnLevel)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	b, err := bus.Connect(t.Context(), bus.Options{Server: srv, Name: "test", Logs: patient}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	r := &rig{t: t, b: b, srv: srv, log: log, sid: "cam", wall: time.Now().UnixMilli()}
	_, err = b.UpdateStreamRecord(t.Context(), r.sid, func(l *bus.StreamRecord) error {
		*l = bus.StreamRecord{SID: r.sid, Name: r.sid, App: app, State: bus.StateLive, Session: "s1", StartedAt: r.wall}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// publish stores chunks and returns the number of the last.
func (r *rig) publish(chunks []*bus.Chunk) (last uint64) {
	r.t.Helper()
	for _, c := range chunks {
		seq, err := r.b.PublishChunk(r.t.Context(), c)
		if err != nil {
			r.t.Fatal(err)
		}
		last = seq
	}
	return last
}

func (r *rig) end(last uint64) {
	r.t.Helper()
	_, err := r.b.UpdateStreamRecord(r.t.Context(), r.sid, func(l *bus.StreamRecord) error {
		l.State, l.LastMedia, l.EndedAt = bus.StateEnded, last, time.Now().UnixMilli()
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// pace stores chunks at a multiple of their own speed and returns the number of the last.
func (r *rig) pace(speed float64, chunks []*bus.Chunk) (last uint64) {
	r.t.Helper()
	start := time.Now()
	for _, c := range chunks {
		due := start.Add(time.Duration(float64(c.DTS-chunks[0].DTS) / speed * float64(time.Millisecond)))
		select {
		case <-r.t.Context().Done():
			return last
		case <-time.After(time.Until(due)):
		}
		last = r.publish([]*bus.Chunk{c})
	}
	return last
}

// mortal runs a worker on a bus connection of its own. kill ends both at
// once, as a SIGKILL would: nothing is released, nothing is flushed.
func (r *rig) mortal() (kill func()) {
	r.t.Helper()
	b, err := bus.Connect(r.t.Context(), bus.Options{Server: r.srv, Name: "mortal", Logs: patient}, r.log.WithOptions(zap.IncreaseLevel(zap.ErrorLevel)))
	if err != nil {
		r.t.Fatal(err)
	}
	stop := r.workOn(b, DefaultConfig(), true)
	return func() {
		b.Close()
		stop()
	}
}

// work runs a worker until the test ends or stop is called.
func (r *rig) work() (stop func()) { return r.workOn(r.b, DefaultConfig(), false) }

func (r *rig) workOn(b *bus.Bus, cfg Config, dies bool) (stop func()) {
	r.t.Helper()
	w, err := New(cfg, b, r.log)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil && !dies {
			r.t.Errorf("worker: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return stop
}

// collect reads the parts log until every rendition named has its EOS, and returns the parts by rendition.
func (r *rig) collect(names ...string) map[string][]*bus.Part {
	r.t.Helper()
	return r.collectFrom(0, names...)
}

// collectFrom does so from a number of the log on.
func (r *rig) collectFrom(from uint64, names ...string) map[string][]*bus.Part {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 90*time.Second)
	defer cancel()
	reader, err := r.b.FollowParts(ctx, r.sid, from, false)
	if err != nil {
		r.t.Fatal(err)
	}
	defer reader.Stop()
	all := map[string][]*bus.Part{}
	open := map[string]bool{}
	for _, n := range names {
		open[n] = true
	}
	for len(open) > 0 {
		p, _, err := reader.Next(ctx)
		if err != nil {
			r.t.Fatalf("no EOS of %v: %v", open, err)
		}
		all[p.Rendition] = append(all[p.Rendition], p)
		if p.EOS {
			delete(open, p.Rendition)
		}
	}
	return all
}

// decode has ffmpeg decode a rendition's parts, which must give no complaint.
func decode(t testing.TB, name string, parts []*bus.Part) string {
	t.Helper()
	var b bytes.Buffer
	id := ""
	for _, p := range parts {
		if p.Segment != nil && p.Segment.InitID != id {
			id = p.Segment.InitID
			b.Write(p.Init)
		}
		b.Write(p.Data)
	}
	file := filepath.Join(t.TempDir(), name+".mp4")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-xerror", "-i", file, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("rendition %s does not decode: %v\n%.2000s", name, err, out)
	}
	return file
}

// decodeAll decodes each stretch between discontinuities for itself.
func decodeAll(t testing.TB, name string, parts []*bus.Part) {
	t.Helper()
	for _, stretch := range stretches(parts) {
		decode(t, name, stretch)
	}
}

// stretches are the parts between discontinuities.
func stretches(parts []*bus.Part) (all [][]*bus.Part) {
	from := 0
	for i, p := range parts {
		if i > from && p.Segment != nil && p.Segment.Discontinuity {
			all, from = append(all, parts[from:i]), i
		}
	}
	return append(all, parts[from:])
}

func discontinuities(parts []*bus.Part) (n int) {
	for _, p := range parts {
		if p.Segment != nil && p.Segment.Discontinuity {
			n++
		}
	}
	return n
}
