package ingest

import (
	"context"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/client"
)

// Who is refused stops, and its user reads why in what ffmpeg prints.
func TestFFmpegShowsTheReason(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	other, err := r.keys.Add(t.Context(), "other", "othername")
	if err != nil {
		t.Fatal(err)
	}
	stopAnswering, err := client.Answer(r.bus.Client(nil), func(_ context.Context, h bus.PublishHook) (bus.Verdict, error) {
		return bus.Verdict{Allow: h.Name != "vetoed", Reason: "not on Sundays"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopAnswering)
	base := "rtmp://" + r.w.Addr().String() + "/"
	for _, c := range []struct {
		name, url, say string
		args           []string
	}{
		{"unknown app", base + "movies/cam?key=" + r.key.Secret, `there is no app "movies" here; publish to rtmp://HOST/live/NAME`, nil},
		{"no key", base + "live/cam", "no stream key; publish to NAME?key=KEY", nil},
		{"wrong key", base + "live/cam?key=guess", "wrong stream key; copy it again", nil},
		{"another stream's key", base + "live/cam?key=" + other.Secret, "this key is for another stream", nil},
		{"bad name", base + "live/" + strings.Repeat("n", 101) + "?key=" + r.key.Secret, "bad stream name: 101 bytes; use at most 100", nil},
		{"vetoed by the hook", base + "live/vetoed?key=" + r.key.Secret, "publishing was refused: not on Sundays", nil},
		{"user without password", base + "live?auth/cam", "No credentials set", nil},
		{"MP3", r.url("cam"), "audio in MP3 is not taken here; set the encoder's audio codec to AAC", strings.Fields("-c:a libmp3lame")},
		{"H.263", r.url("cam"), "video in H.263 is not taken here; set the encoder's video codec to H.264 (AVC)", strings.Fields("-c:v flv1")},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := ffmpeg(t, append(append(append([]string{"-re"}, pattern("5")...), c.args...), "-f", "flv", c.url)...)
			if err == nil {
				t.Errorf("ffmpeg was not refused")
			}
			if !strings.Contains(out, c.say) {
				t.Errorf("ffmpeg did not say %q but\n%s", c.say, out)
			}
		})
	}
	if lives, err := r.bus.StreamRecords(t.Context()); err != nil || len(lives) != 0 {
		t.Errorf("refused publishers left records: %v, %v", lives, err)
	}
}
