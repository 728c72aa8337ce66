package ingest

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

func TestFFmpegOverTLS(t *testing.T) {
	r := newRig(t, func(c *Config) { c.TLSListen, c.GraceClean = "127.0.0.1:0", 0 })
	out, err := ffmpeg(t, append(pattern("1"), "-f", "flv", "rtmps://"+r.w.TLSAddr().String()+"/live/cam?key="+r.key.Secret)...)
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r.untilLive("cam", "ended", inState(bus.StateEnded))
}
