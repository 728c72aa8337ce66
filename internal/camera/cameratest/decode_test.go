package cameratest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/helios-h2020/pse/internal/camera"
)

// What is published is what was painted: every number, once, in order.
func TestPublishAndDecode(t *testing.T) {
	for name, o := range map[string]camera.Options{
		"plain":    {Width: 640, Height: 360},
		"B-frames": {Width: 640, Height: 360, BFrames: 2, GOP: 30},
		"grain":    {Width: 640, Height: 360, Grain: true},
		"portrait": {Width: 360, Height: 640, FPS: 25, NoAudio: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.URL, o.Frames, o.Fast = filepath.Join(t.TempDir(), "out.flv"), 90, true
			if err := camera.Publish(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(o.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			all, err := Decode(t.Context(), f, o.Width, o.Height)
			if err != nil {
				t.Fatal(err)
			}
			if jumps := Jumps(all); len(all) != 90 || len(jumps) > 0 {
				t.Errorf("%d of 90 pictures, jumps %+v", len(all), jumps)
			}
		})
	}
}

// A stream that goes on after a break does so at any time, half a frame off the
// grid of those before too.
func TestDecodeAfterAHalfFrameJump(t *testing.T) {
	film := filepath.Join(t.TempDir(), "jump.mp4")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin",
		"-f", "lavfi", "-i", "testsrc=rate=30:duration=4:size=320x240,settb=1/1000,setpts='floor(N*1000/30)+if(gt(N,45),1017,0)'",
		"-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-c:v", "libx264", "-bf", "0",
		"-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-video_track_timescale", "90000", film)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(film)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := Decode(t.Context(), f, 320, 240)
	if err != nil || len(all) != 120 {
		t.Errorf("%d of 120 pictures, %v", len(all), err)
	}
}
