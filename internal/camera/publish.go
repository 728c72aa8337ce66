package camera

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/helios-h2020/pse/internal/child"
)

// Publish paints and sends pictures and sound until ctx ends or Frames are
// sent, and then returns nil. A server that refuses or goes away is an error
// that says what ffmpeg said.
func Publish(ctx context.Context, o Options) error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return err
	}
	var s *scene
	if !o.NoVideo {
		s = newScene(o.Width, o.Height, o.FPS, o.Grain) // before the clock is read: it takes a while
	}
	first := FrameAt(time.Now(), o.FPS) + 1
	said := &tail{}
	in, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("camera: %w", err)
	}
	cmd := child.Command{Program: o.FFmpeg, Args: o.args(first), Stdin: in, Stderr: said, Limits: child.Limits{Memory: 2 << 30, Files: true}, Gentle: !o.Abrupt}
	ffmpeg, err := cmd.Start(ctx)
	in.Close()
	if err != nil {
		w.Close()
		return fmt.Errorf("camera: %w; install ffmpeg", err)
	}
	painted := make(chan struct{})
	go func() {
		defer close(painted)
		defer w.Close()
		if s != nil {
			s.stream(ctx, w, first, o)
		}
	}()
	err = ffmpeg.Wait() // now nobody reads, which ends the painter
	<-painted
	if ctx.Err() != nil || err == nil {
		return nil
	}
	return fmt.Errorf("camera: publish to %s: ffmpeg ended: %w: %s", o.place(), err, strings.ReplaceAll(said.text(), o.URL, o.place()))
}

// stream writes pictures until ctx ends, they are enough, or nobody reads.
func (s *scene) stream(ctx context.Context, w io.Writer, first int64, o Options) {
	due := time.NewTimer(0)
	defer due.Stop()
	for n := first; o.Frames == 0 || n < first+o.Frames; n++ {
		if !o.Fast {
			due.Reset(time.Until(TimeOf(n, o.FPS)))
			select {
			case <-ctx.Done():
				return
			case <-due.C:
			}
		}
		if _, err := w.Write(s.paint(n)); err != nil {
			return
		}
	}
}

// tail keeps the end of what ffmpeg says.
type tail struct{ b []byte }

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2048 {
		t.b = t.b[len(t.b)-2048:]
	}
	return len(p), nil
}

func (t *tail) text() string {
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
