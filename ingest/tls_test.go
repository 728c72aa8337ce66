package ingest

import (
	"crypto/tls"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
)

// ffmpeg publishes over TLS, and a renewed certificate is taken up.
func TestFFmpegOverTLS(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, func(c *Config) {
		c.TLSListen, c.GraceClean = "127.0.0.1:0", 0
		c.TLSCert, c.TLSKey = certificatetest.Write(t, dir, 1)
	})
	addr := r.w.TLSAddr().String()
	out, err := ffmpeg(t, append(pattern("1"), "-f", "flv", "rtmps://"+addr+"/live/cam?key="+r.key.Secret)...)
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r.untilLive("cam", "ended", inState(bus.StateEnded))
	serial := func() int64 {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is its serial that we look at
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	certificatetest.Write(t, dir, 2)
	bustest.Eventually(t, "the new certificate", func() bool { return serial() == 2 })
}
