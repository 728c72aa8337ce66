package transcode

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// A stream's ffmpeg runs with bounds and without our secrets.
func TestFFmpegIsBounded(t *testing.T) {
	t.Setenv("PSE_BUS_URL", "nats://worker:secret@box:4222")
	t.Setenv("PSE_TRANSFER_S3_SECRET_KEY", "secret")
	tags := record(t, picture360+"-an -t 1 "+x264+noBFrames+"-g 25")
	events := make(chan encoded, 1000)
	outs := []output{{320, 180, 300, 0}}
	cfg := DefaultConfig()
	f, err := startFFmpeg(t.Context(), cfg, arguments(cfg, outs, nil, picture{640, 360}, 1), len(outs), events, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for _, tag := range tags {
		f.put(tag.Tag, int64(tag.TS))
	}
	for e := range events { // until it works
		if e.end {
			t.Fatalf("it ended: %v", e.exit)
		}
		if len(e.frames) > 0 {
			break
		}
	}
	pids := ffmpegs(t)
	if len(pids) != 1 {
		t.Fatalf("%d ffmpegs", len(pids))
	}
	proc := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pids[0]), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for kv := range strings.SplitSeq(strings.TrimSuffix(proc("environ"), "\x00"), "\x00") {
		if name, _, _ := strings.Cut(kv, "="); name != "PATH" && name != "LANG" && name != "LD_LIBRARY_PATH" {
			t.Errorf("it has %s", name)
		}
	}
	limits := proc("limits")
	for _, want := range []string{`Max data size +2147483648`, `Max file size +0`, `Max core file size +0`, `Max open files +256`, `Max cpu time +unlimited`} {
		if !regexp.MustCompile(want).MatchString(limits) {
			t.Errorf("no %s in\n%s", want, limits)
		}
	}
}

// What a stranger sends is H.264 in FLV on the pipe, or it is nothing.
func TestFFmpegTakesNothingElse(t *testing.T) {
	dir := t.TempDir()
	make := func(name string, args ...string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		args = append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=1"}, append(args, file)...)
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return file
	}
	for name, c := range map[string]struct {
		file, url string
		want      bool
	}{
		"H.264 in FLV":      {make("h264.flv", "-c:v", "libx264", "-pix_fmt", "yuv420p"), "pipe:0", true},
		"Sorenson in FLV":   {make("h263.flv", "-c:v", "flv"), "pipe:0", false},
		"H.264 in MPEG-TS":  {make("h264.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p"), "pipe:0", false},
		"a file of the box": {filepath.Join(dir, "h264.flv"), filepath.Join(dir, "h264.flv"), false},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := os.Open(c.file)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			cmd := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields("-v error -nostdin -xerror "+fromStrangers), "-i", c.url, "-f", "null", "-")...)
			cmd.Stdin = in
			if out, err := cmd.CombinedOutput(); (err == nil) != c.want {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Pictures of a stream are made within the bounds; a program that breaks them
// makes none.
func TestPictureIsBounded(t *testing.T) {
	var k keyFrame
	for _, tag := range record(t, picture720+"-an -t 1 "+x264+noBFrames+"-g 25") {
		switch {
		case tag.IsAVCConfig():
			v, err := cmaf.ParseVideoConfig(tag.Payload())
			if err != nil {
				t.Fatal(err)
			}
			k.v = v
		case tag.IsAVCFrame() && tag.IsKey() && k.data == nil:
			k.data = tag.Payload()
		}
	}
	cfg := DefaultConfig()
	cfg.FFmpegMemory = leastMemory
	large, small, err := jpegs(t.Context(), cfg, k)
	if err != nil || len(large) < 1000 || len(small) < 500 {
		t.Errorf("%d and %d bytes, %v", len(large), len(small), err)
	}
	greedy := filepath.Join(t.TempDir(), "ffmpeg")
	script := "#!/bin/sh\nhead -c 20 >/dev/null\ndd if=/dev/zero bs=300M count=1 >&3 && exec ffmpeg \"$@\"\n"
	if err := os.WriteFile(greedy, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cfg.FFmpeg = greedy
	if _, _, err := jpegs(t.Context(), cfg, k); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a picture that takes 300 MB: %v", err)
	}
}
