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
	"path/filepath"
	"testing"
	"time"
)

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
