package transcode

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

const (
	x265    = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -b:v 500k -x265-params keyint=60:min-keyint=60:scenecut=0:open-gop=0:log-level=error "
	svtAV1  = "-c:v libsvtav1 -preset 12 -pix_fmt yuv420p -b:v 500k -g 60 "
	picture = "-f lavfi -i testsrc2=size=640x360:rate=30 "
)

// recordFour has ffmpeg make pictures of HEVC or AV1 and sound, and gives the tags of which the
// log has them.
func recordFour(t testing.TB, seconds int, codec string) []timed {
	t.Helper()
	out := filepath.Join(t.TempDir(), "in.mp4")
	argv := append(strings.Fields("-hide_banner -v error -nostdin "+picture+"-t "+strconv.Itoa(seconds)+" "+codec), "-movflags", "+empty_moov+default_base_moof+frag_keyframe", "-tag:v")
	four := "hvc1"
	if codec == svtAV1 {
		four = "av01"
	}
	argv = append(argv, four, out)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", argv...)
	cmd.Env = append(os.Environ(), "SVT_LOG=1")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", argv, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := rtmptest.ReadMP4(b)
	if err != nil {
		t.Fatal(err)
	}
	var tags []timed
	for _, p := range pictures {
		tags = append(tags, timed{Tag: bus.Tag{Type: p.Kind, Data: p.Data}, at: int64(p.TS)})
	}
	sound := record(t, tone+"-t "+strconv.Itoa(seconds)+" "+aac)
	tags = append(tags, sound...)
	slices.SortStableFunc(tags, func(a, b timed) int { return int(order(a) - order(b)) })
	return tags
}

// order is a tag's time, that of configurations before all.
func order(t timed) int64 {
	if t.IsVideoConfig() || t.IsAACConfig() {
		return -1
	}
	return t.at
}

// HEVC and AV1 pass through as they are, in a rendition of their own beside those of H.264,
// one of which is of the source's size.
func TestCodecsBesideH264(t *testing.T) {
	for _, c := range []struct{ name, codec, entry, codecs string }{
		{"HEVC", x265, "hvc1", "hvc1.1.6.L63.90,mp4a.40.2"},
		{"AV1", svtAV1, "av01", "av01.0.01M.08,mp4a.40.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tags := recordFour(t, 6, c.codec)
			got := whole(t, "live", tags, sourceName, "480p", "240p", audioName)
			sizes := map[string]string{sourceName: "640x360", "480p": "640x360", "240p": "426x240"}
			for name, size := range sizes {
				s := got[name][0].Segment
				if have := strconv.Itoa(s.Width) + "x" + strconv.Itoa(s.Height); have != size {
					t.Errorf("%s is of %s, not %s", name, have, size)
				}
				switch {
				case name == sourceName && (s.Codecs != c.codecs || !strings.Contains(string(got[name][0].Init), c.entry)):
					t.Errorf("the source has the codecs %q, not %q", s.Codecs, c.codecs)
				case name != sourceName && !strings.HasPrefix(s.Codecs, "avc1."):
					t.Errorf("%s has the codecs %q", name, s.Codecs)
				}
			}
		})
	}
}
