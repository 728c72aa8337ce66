package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// What some encoder sends becomes, picture by picture, what ffmpeg sends of the same
// stream: four slices a picture, B-frames, sound.
func TestRecipes(t *testing.T) {
	t.Parallel()
	source := file(t, "3", "-preset", "superfast", "-bf", "2", "-x264-params", "slices=4:scenecut=0:aud=1")
	flv, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	want := decoded(t, source)
	r := newRig(t, func(c *Config) { c.MaxPerIP = 100 })
	for _, c := range []struct {
		name   string
		recipe rtmptest.Recipe
	}{
		{"as-it-is", slices.Clone[[]rtmptest.Tag]},
		{"unit-a-tag", rtmptest.UnitATag},
		{"sound-between", rtmptest.SoundBetween},
		{"sei-a-tag", rtmptest.SEIATag(0)},
		{"sei-a-tag-early", rtmptest.SEIATag(7)},
		{"header-without-sets", rtmptest.HeaderWithoutSets},
		{"header-and-sets", rtmptest.InBand(true, false)},
		{"header-and-sets-apart", rtmptest.InBand(true, true)},
		{"sets-in-band", rtmptest.InBand(false, false)},
		{"sets-in-band-apart", rtmptest.InBand(false, true)},
		{"start-codes", rtmptest.StartCodes(false, false)},
		{"start-codes-in-all", rtmptest.StartCodes(false, true)},
		{"start-codes-inside", rtmptest.StartCodes(true, false)},
		{"start-codes-in-header", rtmptest.StartCodesInHeader},
		{"enhanced", rtmptest.Enhanced{Others: true}.Recipe()},
		{"enhanced-without-offset", rtmptest.Enhanced{WithoutOffset: true, Nanoseconds: true}.Recipe()},
		{"enhanced-one-track", rtmptest.Enhanced{Tracks: true, Further: 1}.Recipe()},
		{"enhanced-many-tracks", rtmptest.Enhanced{Tracks: true, Kind: 1, Further: 2, Nanoseconds: true}.Recipe()},
		{"enhanced-many-codecs", rtmptest.Enhanced{Tracks: true, Kind: 2, Further: 1, WithoutOffset: true}.Recipe()},
		{"enhanced-unit-a-tag", func(tags []rtmptest.Tag) []rtmptest.Tag {
			return rtmptest.Enhanced{}.Recipe()(rtmptest.UnitATag(tags))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", c.name+"?key="+r.key.Secret)
			p.Play(c.recipe(rtmptest.ReadFLV(flv)), 0)
			p.Stop(c.name)
			l := r.untilLive(c.name, "over", inState(bus.StateGrace))
			chunks := r.chunks(c.name)
			if video, audio := checkChunks(t, chunks, 0); video != 75 || audio < 139 || l.Width != 320 || l.Height != 180 {
				t.Errorf("%d pictures of 75, %d sounds, %dx%d", video, audio, l.Width, l.Height)
			}
			if got := decoded(t, r.flv(t, chunks)); !slices.Equal(got, want) {
				t.Errorf("%d pictures are decoded, of %d; equal up to %d", len(got), len(want), equalUpTo(got, want))
			}
		})
	}
	if n := testutil.ToFloat64(r.w.stats.broken); n != 0 {
		t.Errorf("%v pieces are counted as broken", n)
	}
	if n, tags := int(testutil.ToFloat64(r.w.stats.further)), len(rtmptest.ReadFLV(flv)); n != 4*tags {
		t.Errorf("%d packets of further tracks are counted, of %d", n, 4*tags)
	}
}

// Pictures of no form that is known are refused in words after a second of them; a few
// among others only drop out.
func TestPicturesOfNoForm(t *testing.T) {
	r := newRig(t, nil)
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Configs(0)
	none := []byte{0x27, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x41}
	for ts := range uint32(20) {
		p.Video(ts, none)
	}
	p.Frames(40, 25)
	for ts := range uint32(20) {
		p.Video(1040+ts, none)
	}
	p.Frames(1080, 25)
	r.untilLive("cam", "live", inState(bus.StateLive))
	for ts := range uint32(25) {
		p.Video(2080+ts, none)
	}
	if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], "the pictures are no H.264 as FLV has it") {
		t.Errorf("told %v", f)
	}
	r.untilLive("cam", "over", inState(bus.StateGrace))
	if video, audio := checkChunks(t, r.chunks("cam"), 0); video != 50 || audio != 100 {
		t.Errorf("%d and %d frames of 50 and 100", video, audio)
	}
}

// decoded are the hashes of the pictures that ffmpeg decodes of a file.
func decoded(t *testing.T, name string) []string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "hashes")
	said, err := ffmpeg(t, "-v", "error", "-i", name, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", out)
	if err != nil || said != "" {
		t.Errorf("ffmpeg: %v\n%.500s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, line[strings.LastIndex(line, " ")+1:])
		}
	}
	return all
}

func equalUpTo(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// flv makes a file of what the media log has.
func (r *rig) flv(t *testing.T, chunks []*bus.Chunk) string {
	t.Helper()
	b := []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
	for _, c := range chunks {
		_ = c.EachTag(func(tag bus.Tag, _ int64) error {
			b = bus.AppendTag(b, tag)
			return nil
		})
	}
	name := filepath.Join(t.TempDir(), "log.flv")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A phone that is turned says so in its pictures alone: what follows is another
// configuration, and the record has its size.
func TestTurnedPhone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, apart := range []bool{false, true} {
		name := fmt.Sprintf("apart-%v", apart)
		p := rtmptest.Dial(t, r.w.Addr())
		p.MustPublish("live", name+"?key="+r.key.Secret)
		var sizes []string
		for i, size := range []string{"320:180", "180:320", "320:180"} {
			flv, err := os.ReadFile(file(t, "2", "-vf", "scale="+size, "-an", "-preset", "superfast"))
			if err != nil {
				t.Fatal(err)
			}
			p.Play(rtmptest.InBand(i == 0, apart)(rtmptest.ReadFLV(flv)), uint32(i*2000))
			l := r.untilLive(name, size, func(l *bus.StreamRecord) bool { return fmt.Sprintf("%d:%d", l.Width, l.Height) == size })
			sizes = append(sizes, fmt.Sprint(l.Width))
		}
		p.Stop(name)
		r.published(name, 150)
		var configs []string
		for _, c := range r.chunks(name) {
			_ = c.EachTag(func(tag bus.Tag, _ int64) error {
				if tag.IsVideoConfig() && (len(configs) == 0 || configs[len(configs)-1] != string(tag.Data)) {
					configs = append(configs, string(tag.Data))
				}
				return nil
			})
		}
		if len(configs) != 3 || configs[0] == configs[1] || configs[1] == configs[2] {
			t.Errorf("%s: %d configurations, sizes %v", name, len(configs), sizes)
		}
	}
}
