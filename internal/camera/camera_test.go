package camera

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestNumberIsReadBack(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {854, 480}, {426, 240}, {720, 1280}, {1920, 1080}, {64, 72}} {
		p := newPicture(size[0], size[1])
		for _, n := range []uint16{0, 1, 0x5555, 0xaaaa, 0xfffe, 0xffff} {
			paintNumber(p, n)
			if got, ok := ReadNumber(p.y.pix, p.w, p.h); !ok || got != n {
				t.Errorf("%v: read %d, %v; painted %d", size, got, ok, n)
			}
		}
	}
	if _, ok := ReadNumber(make([]byte, 640*360), 640, 360); ok {
		t.Error("a number was read from a black picture")
	}
}

func TestNumberIsTime(t *testing.T) {
	for _, fps := range []int{24, 25, 30, 60} {
		for n := int64(0); n < 5000; n++ {
			if got := FrameAt(TimeOf(n, fps), fps); got != n {
				t.Fatalf("%d fps: picture %d is painted at %v, when picture %d is due", fps, n, TimeOf(n, fps), got)
			}
		}
	}
}

func TestSceneIsTheSameEachTime(t *testing.T) {
	a, b := newScene(320, 180, 30, true), newScene(320, 180, 30, true)
	for n := int64(1000); n < 1100; n++ {
		b.paint(n)
	}
	if !bytes.Equal(a.paint(1099), b.pic.buf) {
		t.Error("picture 1099 depends on what was painted before")
	}
}

// What is published is what was painted: every number, once, in order.
func TestPublishAndDecode(t *testing.T) {
	for name, o := range map[string]Options{
		"plain":    {Width: 640, Height: 360},
		"B-frames": {Width: 640, Height: 360, BFrames: 2, GOP: 30},
		"grain":    {Width: 640, Height: 360, Grain: true},
		"portrait": {Width: 360, Height: 640, FPS: 25, NoAudio: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.URL, o.Frames, o.Fast = filepath.Join(t.TempDir(), "out.flv"), 90, true
			if err := Publish(t.Context(), o); err != nil {
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

func TestPublishSaysWhyItFailed(t *testing.T) {
	err := Publish(t.Context(), Options{URL: "rtmp://127.0.0.1:1/live/x?key=secret", Width: 64, Height: 72})
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("secret")) {
		t.Errorf("error %v", err)
	}
}

// A camera that is to vanish does when its context ends, and that is no error.
func TestVanishes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- Publish(ctx, Options{URL: "tcp://" + l.Addr().String(), Width: 64, Height: 72, Abrupt: true})
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Logf("the connection: %v", err) // reset, most likely
	}
}

// PSE_ARTIFACTS=dir keeps a picture to look at.
func TestLooks(t *testing.T) {
	s := newScene(1280, 720, 30, false)
	s.paint(FrameAt(time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), 30) + 47)
	dir := os.Getenv("PSE_ARTIFACTS")
	if dir == "" {
		dir = t.TempDir()
	}
	img := image.NewRGBA(image.Rect(0, 0, s.pic.w, s.pic.h))
	for y := range s.pic.h {
		for x := range s.pic.w {
			c := y/2*s.pic.u.w + x/2
			l := (float64(s.pic.y.row(y)[x]) - 16) / 219
			u, v := (float64(s.pic.u.pix[c])-128)/224, (float64(s.pic.v.pix[c])-128)/224
			r, b := l+1.5748*v, l+1.8556*u
			g := (l - .2126*r - .0722*b) / .7152
			img.Set(x, y, color.RGBA{clip8(r), clip8(g), clip8(b), 255})
		}
	}
	f, err := os.Create(filepath.Join(dir, "camera.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := jpeg.Encode(f, img, nil); err != nil {
		t.Fatal(err)
	}
}

func clip8(f float64) uint8 { return uint8(max(0, min(1, f)) * 255) }

func BenchmarkPaint720p(b *testing.B) {
	s := newScene(1280, 720, 30, false)
	n := int64(0)
	b.SetBytes(int64(len(s.pic.buf)))
	for b.Loop() {
		s.paint(n)
		n++
	}
}
