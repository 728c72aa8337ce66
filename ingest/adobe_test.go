package ingest

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

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

// A challenge is good for its address and for a minute only.
func TestChallenge(t *testing.T) {
	a := newAdobeAuth()
	here, there := addr("192.0.2.1:1"), addr("192.0.2.2:1")
	at := time.Now()
	for _, c := range []struct {
		name   string
		opaque string
		fresh  bool
	}{
		{"ours", a.opaque(at, here), true},
		{"from another port", a.opaque(at, addr("192.0.2.1:2")), true},
		{"from another address", a.opaque(at, there), false},
		{"old", a.opaque(at.Add(-2*time.Minute), here), false},
		{"another server's", newAdobeAuth().opaque(at, here), false},
		{"nothing", "", false},
		{"junk", "zz.zz", false},
	} {
		if got := a.fresh(c.opaque, here); got != c.fresh {
			t.Errorf("%s: fresh is %v", c.name, got)
		}
	}
}

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
