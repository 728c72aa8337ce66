package ingest

import (
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// ffmpeg proves user and password by the scheme that OBS and librtmp use too.
func TestFFmpegUserAndPassword(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.AuthApps, c.GraceClean = []string{"plane"}, 0 })
	only, err := r.keys.Add(t.Context(), "one", "mine")
	if err != nil {
		t.Fatal(err)
	}
	addr := r.w.Addr().String()
	for _, c := range []struct{ name, url, stream, refused string }{
		{"app that asks", "rtmp://anyone:" + r.key.Secret + "@" + addr + "/plane/cam", "cam", ""},
		{"server URL that asks", "rtmp://anyone:" + r.key.Secret + "@" + addr + "/live?auth/cam2", "cam2", ""},
		{"key of one stream", "rtmp://x:" + only.Secret + "@" + addr + "/plane/mine", "mine", ""},
		{"key of another stream", "rtmp://x:" + only.Secret + "@" + addr + "/plane/yours", "", "this key is for another stream"},
		{"wrong password", "rtmp://x:guess@" + addr + "/plane/cam", "", "Incorrect username/password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := ffmpeg(t, append(pattern("1"), "-f", "flv", c.url)...)
			if c.refused != "" {
				if err == nil || !strings.Contains(out, c.refused) {
					t.Errorf("ffmpeg: %v, and it did not say %q\n%s", err, c.refused, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, out)
			}
			r.untilLive(c.stream, "ended", inState(bus.StateEnded))
		})
	}
}
