package hls

import (
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// Captions are named once, whichever rendition tells of them, and every variant with
// pictures has them; there is no group of what the variants' own media holds.
func TestMultivariantNamesCaptions(t *testing.T) {
	s := newShown(2 * time.Minute)
	k := &edgetest.Tape{}
	for range 2 {
		all := k.Segment("s", false, 4)
		for name, kind := range map[string]string{"source": bus.KindAV, "240p": bus.KindAV, "audio": bus.KindAudio} {
			first := *all[0]
			info := *first.Segment
			info.Kind, info.Codecs = kind, "avc1.4d401f,mp4a.40.2"
			if name == "source" {
				info.Captions = []string{"CC1", "CC3"}
			}
			first.Segment = &info
			s.play(name, append([]*bus.Part{&first}, all[1:]...)...)
		}
	}
	text := string(s.multivariant.Render(""))
	for line, want := range map[string]int{
		`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="CC1",AUTOSELECT=YES,INSTREAM-ID="CC1"` + "\n": 1,
		`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="CC3",AUTOSELECT=YES,INSTREAM-ID="CC3"` + "\n": 1,
		`,CLOSED-CAPTIONS="captions"` + "\n": 2,
		"#EXT-X-MEDIA":                       2,
		"#EXT-X-STREAM-INF":                  3,
	} {
		if n := strings.Count(text, line); n != want {
			t.Errorf("%d times %q, want %d", n, line, want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
