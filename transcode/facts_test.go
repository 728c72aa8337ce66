package transcode

import (
	"bytes"
	"context"
	"encoding/json"
	imagejpeg "image/jpeg"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
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
		_ = client.Subscribe(ctx, r.b.Client(nil), client.Subscription{Durable: "test-r"}, func(_ context.Context, e bus.RenditionReady) error { renditions <- e; return nil })
	}()
	go func() {
		_ = client.Subscribe(ctx, r.b.Client(nil), client.Subscription{Durable: "test-s"}, func(_ context.Context, e bus.SegmentReady) error { segments <- e; return nil })
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

// That a rendition is ready is in what the next worker goes on from, for as long
// as its first segment of an epoch is made: the last one may not have said it.
func TestReadinessIsTakenUp(t *testing.T) {
	var f segmentFact
	for _, c := range []struct {
		epoch int // of the segment that begins; -1: none does
		last  bool
		want  int // epoch of which it is to be said; -1: none
	}{{0, false, 0}, {-1, false, 0}, {-1, true, 0}, {0, false, -1}, {-1, true, -1}, {1, false, 1}, {-1, true, 1}, {1, true, -1}} {
		p := &bus.Part{SID: "cam", Rendition: "720p", Last: c.last}
		if c.epoch >= 0 {
			p.Segment = &bus.Segment{Session: "s", Epoch: c.epoch, Codecs: "avc1.4d401f"}
		}
		f.add(p, "s", "cam")
		carried, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		f = segmentFact{}
		if err := json.Unmarshal(carried, &f); err != nil {
			t.Fatal(err)
		}
		switch {
		case c.want < 0 && f.Ready != nil:
			t.Errorf("%+v is to be said again after %+v", *f.Ready, c)
		case c.want >= 0 && (f.Ready == nil || f.Ready.Epoch != c.want || f.Ready.Codecs == "" || f.Ready.Session != "s"):
			t.Errorf("%+v is to be said again after %+v", f.Ready, c)
		}
	}
}
