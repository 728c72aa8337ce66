package ffmpeg

import (
	"bytes"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/avc"
)

// Pictures of two fields become whole ones, each at its time, the first a key frame.
func TestInterlacedBecomesProgressive(t *testing.T) {
	source, frames := recordOf(t, "-f lavfi -i smptebars=size=320x240:rate=50,gblur=sigma=6,scroll=horizontal=0.015,tinterlace=interleave_top -t 2 -c:v libx264 -preset ultrafast -flags +ilme+ildct -g 25")
	if !source.Interlaced() {
		t.Fatal("the source is not interlaced")
	}
	events := make(chan Event, 1000)
	start := frames[25].DTS
	c, err := Start(t.Context(), defaults(), Encoding{Source: source, Outputs: []Output{{320, 240, 2000, start}}, Threads: 1}, events, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, f := range frames {
		c.Feed(f)
	}
	c.Finish()
	var out bytes.Buffer
	n := 0
	for e := range events {
		if e.End {
			break
		}
		if e.Config != nil {
			config, err := avc.ParseConfig(e.Config.Record)
			if err != nil {
				t.Fatal(err)
			}
			pps, err := config.PPS()
			if err != nil {
				t.Fatal(err)
			}
			for _, set := range append(config.SPS, pps...) {
				out.WriteString("\x00\x00\x00\x01" + string(set))
			}
		}
		for _, f := range e.Frames {
			if want := frames[25+n]; f.DTS != want.DTS || n == 0 && !f.Key {
				t.Errorf("picture %d is at %d, want %d; a key frame: %v", n, f.DTS, want.DTS, f.Key)
			}
			n++
			for au := f.Data; len(au) > 0; {
				unit, rest, ok := avc.NextUnit(au, 4)
				if !ok {
					t.Fatal("a picture that is not whole")
				}
				out.WriteString("\x00\x00\x00\x01" + string(unit))
				au = rest
			}
		}
	}
	if n != len(frames)-25 {
		t.Errorf("%d pictures of %d", n, len(frames)-25)
	}
	look := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-hide_banner -nostdin -f h264 -i pipe:0 -vf idet -f null -")...)
	look.Stdin = &out
	said, err := look.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	found := regexp.MustCompile(`Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)`).FindSubmatch(said)
	if found == nil {
		t.Fatalf("idet says nothing:\n%s", said)
	}
	if top, _ := strconv.Atoi(string(found[1])); top > 0 {
		t.Errorf("%s", found[0])
	}
	if whole, _ := strconv.Atoi(string(found[3])); whole == 0 {
		t.Errorf("%s", found[0])
	}
}
