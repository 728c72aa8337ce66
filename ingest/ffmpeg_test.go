package ingest

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// checkChunks holds the log of a stream against what bus.Chunk promises, and
// returns how many video and audio frames it has.
func checkChunks(t *testing.T, chunks []*bus.Chunk, from int64) (video, audio int) {
	t.Helper()
	if len(chunks) == 0 {
		t.Fatal("no chunks")
	}
	last := map[byte]int64{bus.TagVideo: -1, bus.TagAudio: -1}
	head := from
	for i, c := range chunks {
		if i > 0 {
			switch p := chunks[i-1]; {
			case c.Epoch == p.Epoch && c.N != p.N+1, c.Epoch == p.Epoch+1 && c.N != 0, c.Epoch > p.Epoch+1, c.Epoch < p.Epoch:
				t.Errorf("chunk %d.%d after %d.%d", c.Epoch, c.N, p.Epoch, p.N)
			}
			if c.Epoch != chunks[i-1].Epoch {
				head = c.DTS
			}
		}
		n, hadVideo := 0, false
		err := c.EachTag(func(tag bus.Tag, clock int64) error {
			if n == 0 && clock != c.DTS {
				t.Errorf("chunk %d.%d: DTS %d, first tag %d", c.Epoch, c.N, c.DTS, clock)
			}
			n++
			frame := tag.IsVideoFrame() || tag.IsAACFrame()
			if c.Key && tag.IsKey() && !hadVideo && n > 4 {
				t.Errorf("Key chunk %d.%d: its IDR is tag %d", c.Epoch, c.N, n)
			}
			if tag.IsKey() && (!c.Key || hadVideo) {
				t.Errorf("chunk %d.%d: an IDR not at the start of a Key chunk", c.Epoch, c.N)
			}
			if !frame {
				return nil
			}
			if tag.IsVideoFrame() {
				hadVideo = true
				video++
			} else {
				audio++
			}
			if clock <= last[tag.Type] {
				t.Errorf("chunk %d.%d: a tag of type %d at %d after %d", c.Epoch, c.N, tag.Type, clock, last[tag.Type])
			}
			if clock > head+1000 {
				t.Errorf("chunk %d.%d: a gap of %d ms", c.Epoch, c.N, clock-head)
			}
			last[tag.Type], head = clock, max(head, clock)
			return nil
		})
		if err != nil {
			t.Errorf("chunk %d.%d: %v", c.Epoch, c.N, err)
		}
	}
	if !chunks[0].Key {
		t.Error("the first chunk is no Key chunk")
	}
	return video, audio
}

// A publisher's stream is on record while it lasts, all of it is in the log,
// and it ends after its grace.
func TestFFmpegPublishes(t *testing.T) {
	r := newRig(t, func(c *Config) { c.GraceClean = 0 })
	out, err := ffmpeg(t, append(pattern("3"), "-f", "flv", r.url("cam"))...)
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	l := r.untilLive("cam", "ended", inState(bus.StateEnded))
	if l.Name != "cam" || l.App != "live" || l.Epoch != 0 || l.KeyID != r.key.ID || l.VideoCodec != "h264" ||
		l.AudioCodec != "aac" || l.Width != 320 || l.Height != 180 || l.FPS != 25 || l.Reason != "the publisher stopped" {
		t.Errorf("record %+v", l)
	}
	chunks := r.chunks("cam")
	video, audio := checkChunks(t, chunks, 0)
	if video != 75 || audio < 139 {
		t.Errorf("%d video and %d audio frames of 75 and 141", video, audio)
	}
	if last := chunks[len(chunks)-1]; l.LastMedia != last.Seq {
		t.Errorf("LastMedia %d, the last chunk is %d", l.LastMedia, last.Seq)
	}
	t.Logf("%d chunks, client %q", len(chunks), l.Client)
}
