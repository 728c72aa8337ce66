package transcode

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/transcode/cmaf"
)

// A source that phones do not decode has a rendition that they do, however small it is.
func TestUncommonSource(t *testing.T) {
	t.Parallel()
	tags := record(t, "-f lavfi -i testsrc2=size=192x108:rate=25 "+tone+"-t 4 -c:v libx264 -preset ultrafast -pix_fmt yuv422p10 -bf 0 -g 50 "+aac)
	got := whole(t, "live", tags, sourceName, commonName, audioName)
	same(t, got[sourceName], got[commonName])
	if s := got[sourceName][0].Segment; !strings.HasPrefix(s.Codecs, "avc1.7a") {
		t.Errorf("the source has the codecs %s", s.Codecs)
	}
	if s := got[commonName][0].Segment; !strings.HasPrefix(s.Codecs, "avc1.4d") || s.Width != 192 || s.Height != 108 {
		t.Errorf("%+v", s)
	}
}

// Which sources have such a rendition, and what is said where nobody makes it.
func TestUncommonSources(t *testing.T) {
	for _, c := range []struct {
		args     string
		uncommon bool
	}{
		{"-pix_fmt yuv420p -profile:v baseline", false},
		{"-pix_fmt yuv420p -profile:v high", false},
		{"-pix_fmt yuv420p10", true},
		{"-pix_fmt yuv422p", true},
		{"-pix_fmt yuv444p", true},
		{"-pix_fmt gray", true},
	} {
		var v *cmaf.VideoConfig
		for _, tag := range record(t, "-f lavfi -i color=size=192x108 -frames:v 1 -c:v libx264 -preset ultrafast "+c.args) {
			if tag.IsVideoConfig() {
				var err error
				if v, err = cmaf.ParseVideoConfig(cmaf.AVC, tag.Payload()); err != nil {
					t.Fatal(err)
				}
			}
		}
		g := &period{mode: passthrough, video: v}
		var names []string
		for _, s := range renditionSpecs(g, Profiles()["live"], true) {
			names = append(names, s.name)
		}
		if want := map[bool]string{false: "source", true: "source main"}[c.uncommon]; strings.Join(names, " ") != want {
			t.Errorf("%s: %v, want %s", c.args, names, want)
		}
		core, said := observer.New(zap.WarnLevel)
		o := &fanOut{log: zap.New(core), profile: Profiles()["live"], renditions: map[string]*rendition{}}
		o.create = func(name string) *rendition {
			r := &rendition{checkpoints: &checkpoints{}, pub: newPublisher(nil, 0), m: newMetrics()}
			r.spec.name = name
			return r
		}
		o.beginPeriod(g)
		if n := said.FilterMessageSnippet("cannot decode this source").Len(); n != map[bool]int{true: 1}[c.uncommon] {
			t.Errorf("%s: said %d times", c.args, n)
		}
	}
}

// Captions are told of from the first segment on, in all renditions with pictures,
// whose pictures keep them.
func TestCaptionsAreKept(t *testing.T) {
	t.Parallel()
	pairs := avctest.RollUp("Hello")
	tags := record(t, short)
	n := 0
	for i, tag := range tags {
		if !tag.IsVideoFrame() {
			continue
		}
		sei := avctest.Captions(pairs[n%len(pairs)])
		n++
		data := append(bytes.Clone(tag.Data[:5]), 0, 0, byte(len(sei)>>8), byte(len(sei)))
		tags[i].Data = append(append(data, sei...), tag.Data[5:]...)
	}
	got := whole(t, "live", tags, sourceName, "240p", audioName)
	for _, name := range []string{sourceName, "240p"} {
		captions := 0
		for _, p := range got[name] {
			if p.Segment != nil && strings.Join(p.Segment.Captions, " ") != "CC1" {
				t.Errorf("%s: segment %d has captions %v", name, p.MSN, p.Segment.Captions)
			}
			captions += bytes.Count(p.Data, []byte("GA94"))
		}
		if captions < n-2 {
			t.Errorf("%s: captions at %d pictures of %d", name, captions, n)
		}
	}
	if c := got[audioName][0].Segment.Captions; c != nil {
		t.Errorf("the sound has captions %v", c)
	}
}
