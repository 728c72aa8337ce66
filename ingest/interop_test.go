package ingest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// run runs a program for at most a minute.
func run(t *testing.T, name string, args ...string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// file makes an FLV file of the pattern.
func file(t *testing.T, seconds string, more ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pattern.flv")
	if out, err := ffmpeg(t, append(pattern(seconds, more...), "-f", "flv", name)...); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return name
}

// published checks a stream of n pictures at 25 a second that was published whole.
func (r *rig) published(name string, n int) *bus.StreamRecord {
	r.t.Helper()
	l := r.untilLive(name, "over", func(l *bus.StreamRecord) bool { return l.State != bus.StateLive })
	video, audio := checkChunks(r.t, r.chunks(name), 0)
	if video != n || l.AudioCodec != "" && audio < n*48000/1024/25-3 {
		r.t.Errorf("%s: %d pictures of %d, %d audio frames", name, video, n, audio)
	}
	return l
}

// librtmp, with OBS's flash version, chunk size and ways to hand in a key. (Its
// user and password are tried with ffmpeg: Debian's librtmp overruns its heap
// there, since it takes base64 from nettle to end in a zero.)
func TestLibrtmpPublishes(t *testing.T) {
	r := newRig(t, nil)
	obs := filepath.Join(t.TempDir(), "obs")
	if out, err := run(t, "gcc", "-O1", "-o", obs, "testdata/obs.c", "-lrtmp"); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	flv := file(t, "3")
	for name, url := range map[string]string{
		"key-in-name":       r.url("key-in-name"),
		"key-in-server-url": "rtmp://" + r.w.Addr().String() + "/live?key=" + r.key.Secret + "/key-in-server-url",
	} {
		if out, err := run(t, obs, url, flv); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		if l := r.published(name, 75); l.Reason != "the publisher stopped" {
			t.Errorf("%s: %q", name, l.Reason)
		}
	}
	out, err := run(t, obs, "rtmp://"+r.w.Addr().String()+"/live/cam?key=guess", flv)
	if err == nil {
		t.Errorf("a wrong key: %v\n%s", err, out)
	}
}

// Both of GStreamer's sinks.
func TestGStreamerPublishes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	addr := r.w.Addr().(*net.TCPAddr)
	for name, sink := range map[string]string{
		"gst-rtmp2sink": fmt.Sprintf("rtmp2sink location=rtmp://%s/live/gst-rtmp2sink?key=%s", addr, r.key.Secret),
		"gst-rtmpsink":  fmt.Sprintf("rtmpsink location=rtmp://%s/live/gst-rtmpsink?key=%s", addr, r.key.Secret),
	} {
		args := strings.Fields("-q videotestsrc num-buffers=75 ! video/x-raw,width=320,height=180,framerate=25/1 !" +
			" x264enc speed-preset=ultrafast tune=zerolatency key-int-max=25 ! h264parse ! flvmux name=m streamable=true ! " + sink +
			" audiotestsrc num-buffers=141 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! m.")
		if out, err := run(t, "gst-launch-1.0", args...); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		r.published(name, 75)
	}
}

// GStreamer's flvmux says onMetaData several times a second, and where there are B-frames
// its times are up to a frame off: that is one stream nonetheless, without a jump.
func TestFlvmuxWithBFrames(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	args := strings.Fields(fmt.Sprintf("-q videotestsrc num-buffers=125 ! video/x-raw,width=320,height=180,framerate=25/1 !"+
		" x264enc speed-preset=veryfast bframes=3 key-int-max=50 ! h264parse ! flvmux name=m streamable=true ! rtmp2sink location=%s"+
		" audiotestsrc num-buffers=235 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! m.", r.url("cam")))
	if out, err := run(t, "gst-launch-1.0", args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.published("cam", 125)
	late := 0
	for _, c := range r.chunks("cam") {
		if c.Epoch != 0 {
			t.Errorf("a chunk of epoch %d", c.Epoch)
		}
		_ = c.EachTag(func(tag bus.Tag, _ int64) error {
			if tag.IsVideoFrame() && tag.CTS() > 40 {
				late++
			}
			return nil
		})
	}
	if n := testutil.ToFloat64(r.w.stats.jumps); n > 0 || late == 0 {
		t.Errorf("%v jumps; %d pictures are shown later than they are decoded by more than a frame", n, late)
	}
}

// nginx-rtmp relays to us what it takes in.
func TestNginxPushes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	dir := t.TempDir()
	l := mustListen(t)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	conf := filepath.Join(dir, "nginx.conf")
	err := os.WriteFile(conf, fmt.Appendf(nil, `
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
rtmp { server { listen 127.0.0.1:%[2]d; application in { live on; push rtmp://%[3]s/live/nginx?key=%[4]s; } } }
`, dir, port, r.w.Addr(), r.key.Secret), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "nginx", "-c", conf, "-p", dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = cmd.Wait() }()
	bustest.Eventually(t, "nginx", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	said, err := ffmpeg(t, append(append([]string{"-re"}, pattern("3")...), "-f", "flv", fmt.Sprintf("rtmp://127.0.0.1:%d/in/cam", port))...)
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s\n%s", err, said, out.String())
	}
	rec := r.untilLive("nginx", "over", func(l *bus.StreamRecord) bool { return l.State != bus.StateLive })
	video, audio := checkChunks(t, r.chunks("nginx"), 0)
	if video < 25 || audio < 40 { // it relays from the time it is connected
		t.Errorf("%d and %d frames", video, audio)
	}
	t.Logf("%d pictures, client %q", video, rec.Client)
}

// ffmpeg in the ways people use it.
func TestFFmpegVariants(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for name, args := range map[string][]string{
		"from-5h":    pattern("3", "-output_ts_offset", "18000"),
		"b-frames":   pattern("3", "-preset", "veryfast", "-bf", "3"),
		"no-repeats": pattern("3", "-flvflags", "no_duration_filesize"),
	} {
		if out, err := ffmpeg(t, append(args, "-f", "flv", r.url(name))...); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		r.published(name, 75)
	}
	if out, err := ffmpeg(t, append(pattern("3", "-an"), "-f", "flv", r.url("silent"))...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l := r.untilLive("silent", "over", inState(bus.StateGrace))
	if video, audio := checkChunks(t, r.chunks("silent"), 0); video != 75 || audio != 0 || l.AudioCodec != "" {
		t.Errorf("silent: %d and %d frames, %+v", video, audio, l)
	}
	if out, err := ffmpeg(t, append(pattern("3", "-vn"), "-f", "flv", r.url("radio"))...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l = r.untilLive("radio", "over", inState(bus.StateGrace))
	chunks := r.chunks("radio")
	keys := 0
	for _, c := range chunks {
		if c.Key {
			keys++
		}
	}
	if video, audio := checkChunks(t, chunks, 0); video != 0 || audio < 139 || l.VideoCodec != "" || l.AudioCodec != "aac" || keys < 3 {
		t.Errorf("radio: %d and %d frames, %d Key chunks, %+v", video, audio, keys, l)
	}
}

// A camera that changes its resolution: no picture comes before the
// configuration it needs, and the record follows.
func TestResolutionChanges(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	at := uint32(0)
	for _, size := range []string{"320x180", "180x320"} {
		flv, err := os.ReadFile(file(t, "2", "-vf", "scale="+strings.Replace(size, "x", ":", 1), "-an"))
		if err != nil {
			t.Fatal(err)
		}
		for b := flv[13:]; len(b) > 0; {
			tag, rest, err := bus.NextTag(b)
			if err != nil {
				t.Fatal(err)
			}
			if tag.Type == bus.TagVideo {
				p.Video(at+tag.TS, tag.Data)
			}
			b = rest
		}
		at += 2000
	}
	r.untilLive("cam", "upright", func(l *bus.StreamRecord) bool { return l.Width == 180 && l.Height == 320 })
	p.Stop("cam")
	r.published("cam", 100)
	configs := map[string]int{}
	for _, c := range r.chunks("cam") {
		if c.Key {
			_ = c.EachTag(func(tag bus.Tag, _ int64) error {
				if tag.IsVideoConfig() {
					configs[string(tag.Data)]++
				}
				return nil
			})
		}
	}
	if len(configs) != 2 {
		t.Errorf("%d configurations", len(configs))
	}
}
