package transcode

import (
	"bytes"
	"context"
	imagejpeg "image/jpeg"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// Pictures of a stream that nothing is encoded of come from its key frames.
func TestPicturesOfPass(t *testing.T) {
	tags := record(t, "-f lavfi -i testsrc2=size=426x240:rate=30 -t 4 "+x264+noBFrames+"-g 60")
	r := newRig(t, "live")
	r.work()
	r.publish(chunksOf(r.sid, r.wall, tags))
	waitFor(t, func() bool {
		pic, _, err := r.b.Poster(t.Context(), r.sid, sizeSmall)
		img, derr := imagejpeg.DecodeConfig(bytes.NewReader(pic))
		return err == nil && derr == nil && img.Width == 320 && img.Height == 180
	})
}

// Every segment of every rendition is told once, and every rendition that can be played.
func TestFacts(t *testing.T) {
	tags := record(t, short)
	r := newRig(t, "live")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	renditions, segments := make(chan bus.RenditionReady, 100), make(chan bus.SegmentReady, 100)
	go func() {
		_ = bus.Subscribe(ctx, r.b, "test-r", func(_ context.Context, e bus.RenditionReady) error { renditions <- e; return nil })
	}()
	go func() {
		_ = bus.Subscribe(ctx, r.b, "test-s", func(_ context.Context, e bus.SegmentReady) error { segments <- e; return nil })
	}()
	r.work()
	last := r.publish(chunksOf(r.sid, r.wall, tags))
	var large, small []byte
	waitFor(t, func() bool {
		large, _, _ = r.b.Poster(ctx, r.sid, sizeLarge)
		small, _, _ = r.b.Poster(ctx, r.sid, sizeSmall)
		return large != nil && small != nil
	})
	r.end(last)
	got := r.collect(sourceName, "240p", audioName)
	for range got {
		select {
		case e := <-renditions:
			if p := got[e.Rendition][0]; e.Codecs != p.Segment.Codecs || e.Width != p.Segment.Width || e.SID != r.sid {
				t.Errorf("%+v of %+v", e, p.Segment)
			}
		case <-ctx.Done():
			t.Fatal("a rendition is not told of")
		}
	}
	for _, parts := range got {
		for _, p := range parts {
			if !p.Last {
				continue
			}
			select {
			case e := <-segments:
				if e.Bytes == 0 || e.Parts == 0 || e.Duration <= 0 || e.PDT < r.wall {
					t.Errorf("%+v", e)
				}
			case <-ctx.Done():
				t.Fatal("a segment is not told of")
			}
		}
	}
	for width, pic := range map[int][]byte{640: large, 320: small} {
		img, err := imagejpeg.DecodeConfig(bytes.NewReader(pic))
		if err != nil || img.Width != width || img.Height != width*9/16 {
			t.Errorf("picture: %+v, %v; want %d wide", img, err, width)
		}
	}
}
