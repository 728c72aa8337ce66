package ffmpeg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/transcode/cmaf"
)

// defaults are the options of a box that has set none.
func defaults() Options { return Options{Program: "ffmpeg", Encoder: X264, Memory: 2 << 30} }

// record has ffmpeg make a second of pictures of a size, 30 a second, the first one a key frame.
func record(t *testing.T, size string) (source *cmaf.VideoConfig, frames []cmaf.Frame) {
	t.Helper()
	return recordOf(t, "-f lavfi -i testsrc2=size="+size+":rate=30 -t 1 -c:v libx264 -preset ultrafast -b:v 800k -g 25")
}

// recordOf has ffmpeg make pictures by arguments of its.
func recordOf(t *testing.T, args string) (source *cmaf.VideoConfig, frames []cmaf.Frame) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -nostdin "+args+" -an -pix_fmt yuv420p -sc_threshold 0 -bf 0 -f flv pipe:1")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for r := bytes.NewReader(out[len(flvHeader):]); ; {
		tag, err := readTag(r)
		switch {
		case errors.Is(err, io.EOF):
			return source, frames
		case err != nil:
			t.Fatal(err)
		case tag.IsVideoConfig():
			if source, err = cmaf.ParseVideoConfig(cmaf.AVC, tag.Payload()); err != nil {
				t.Fatal(err)
			}
		case tag.IsVideoFrame():
			at := int64(tag.TS)
			frames = append(frames, cmaf.Frame{DTS: at, PTS: at + int64(tag.CTS()), Key: tag.IsKey(), Data: tag.Payload()})
		}
	}
}

// A stream's ffmpeg runs with bounds and without our secrets.
func TestFFmpegIsBounded(t *testing.T) {
	t.Setenv("PSE_BUS_URL", "nats://worker:secret@box:4222")
	t.Setenv("PSE_TRANSFER_S3_SECRET_KEY", "secret")
	source, frames := record(t, "640x360")
	events := make(chan Event, 1000)
	c, err := Start(t.Context(), defaults(), Encoding{Source: source, Outputs: []Output{{320, 180, 300, 0}}, Threads: 1}, events, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range frames {
		c.Feed(f)
	}
	for e := range events { // until it works
		if e.End {
			t.Fatalf("it ended: %v", e.Err)
		}
		if len(e.Frames) > 0 {
			break
		}
	}
	proc := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(c.process.PID()), name))
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
	mp4 := func(encoder string) []string {
		return []string{"-c:v", encoder, "-pix_fmt", "yuv420p", "-movflags", "+empty_moov+default_base_moof+frag_keyframe"}
	}
	for name, c := range map[string]struct {
		coding    cmaf.Coding
		file, url string
		want      bool
	}{
		"H.264 in FLV":      {cmaf.AVC, make("h264.flv", "-c:v", "libx264", "-pix_fmt", "yuv420p"), "pipe:0", true},
		"Sorenson in FLV":   {cmaf.AVC, make("h263.flv", "-c:v", "flv"), "pipe:0", false},
		"H.264 in MPEG-TS":  {cmaf.AVC, make("h264.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p"), "pipe:0", false},
		"HEVC in MP4":       {cmaf.HEVC, make("hevc.mp4", mp4("libx265")...), "pipe:0", true},
		"AV1 in MP4":        {cmaf.AV1, make("av1.mp4", mp4("libsvtav1")...), "pipe:0", true},
		"H.264 in MP4":      {cmaf.HEVC, make("h264.mp4", mp4("libx264")...), "pipe:0", false},
		"HEVC in MPEG-TS":   {cmaf.HEVC, make("hevc.ts", "-c:v", "libx265", "-x265-params", "log-level=error"), "pipe:0", false},
		"a file of the box": {cmaf.AVC, filepath.Join(dir, "h264.flv"), filepath.Join(dir, "h264.flv"), false},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := os.Open(c.file)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			cmd := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields("-v error -nostdin -xerror "+untrustedInput(&cmaf.VideoConfig{Coding: c.coding})), "-i", c.url, "-f", "null", "-")...)
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
	source, frames := record(t, "1280x720")
	o := defaults()
	o.Memory = LeastMemory
	large, small, err := JPEGs(t.Context(), o, source, frames[0].Data)
	if err != nil || len(large) < 1000 || len(small) < 500 {
		t.Errorf("%d and %d bytes, %v", len(large), len(small), err)
	}
	greedy := filepath.Join(t.TempDir(), "ffmpeg")
	script := "#!/bin/sh\nhead -c 20 >/dev/null\ndd if=/dev/zero bs=300M count=1 >&3 && exec ffmpeg \"$@\"\n"
	if err := os.WriteFile(greedy, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	o.Program = greedy
	if _, _, err := JPEGs(t.Context(), o, source, frames[0].Data); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a picture that takes 300 MB: %v", err)
	}
}
