package ingest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/helios-h2020/pse/internal/av1/av1test"
	"github.com/helios-h2020/pse/internal/hevc/hevctest"
)

// fourFile has ffmpeg make two seconds of pictures of a size, and gives them as Enhanced RTMP.
func fourFile(t *testing.T, size, encoder string) []rtmptest.Tag {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pictures.mp4")
	args := strings.Fields("-f lavfi -i testsrc2=size=" + size + ":rate=25 -t 2 -pix_fmt yuv420p -g 25 -c:v " + encoder +
		" -movflags +empty_moov+default_base_moof+frag_keyframe")
	if strings.HasPrefix(encoder, "libx265") {
		args = append(args, "-tag:v", "hvc1")
	}
	if out, err := ffmpeg(t, append(args, name)...); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tags, err := rtmptest.ReadMP4(b)
	if err != nil {
		t.Fatal(err)
	}
	return tags
}

const (
	x265   = "libx265 -preset ultrafast -x265-params keyint=25:min-keyint=25:scenecut=0:open-gop=0:log-level=error"
	svtAV1 = "libsvtav1 -preset 12"
)

// HEVC and AV1 come into the media log as they were sent, by one track or as the first of
// several, and the record says what they are.
func TestHEVCAndAV1(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for codec, encoder := range map[string]string{bus.CodecHEVC: x265, bus.CodecAV1: svtAV1} {
		tags := fourFile(t, "320x180", encoder)
		for _, e := range []struct {
			name   string
			recipe rtmptest.Recipe
		}{
			{"-as-it-is", slices.Clone[[]rtmptest.Tag]},
			{"-tracks", rtmptest.FurtherTracks},
			{"-delimiters", rtmptest.Delimiters},
			{"-marked-wrongly", func(tags []rtmptest.Tag) []rtmptest.Tag {
				for i := range tags {
					tags[i].Data = bytes.Clone(tags[i].Data)
					tags[i].Data[0] |= 3 << 4
				}
				return tags
			}},
		} {
			name := codec + e.name
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", name+"?key="+r.key.Secret)
			p.Play(e.recipe(slices.Clone(tags)), 0)
			p.Stop(name)
			l := r.untilLive(name, "over", inState(bus.StateGrace))
			if l.VideoCodec != codec || l.Width != 320 || l.Height != 180 {
				t.Errorf("%s: the record has %s of %dx%d", name, l.VideoCodec, l.Width, l.Height)
			}
			var got, want []string
			keys := 0
			for _, c := range r.chunks(name) {
				_ = c.EachTag(func(tag bus.Tag, _ int64) error {
					if tag.IsVideoFrame() {
						got = append(got, string(tag.Payload()))
					}
					if tag.IsKey() {
						keys++
					}
					return nil
				})
			}
			for _, m := range tags[1:] {
				want = append(want, string(bus.Tag{Type: m.Kind, Data: m.Data}.Payload()))
			}
			if !slices.Equal(got, want) || keys != 2 {
				t.Errorf("%s: %d pictures of %d are as they were, of %d; %d key frames", name, equalUpTo(got, want), len(want), len(got), keys)
			}
		}
	}
	if n := testutil.ToFloat64(r.w.stats.broken); n != 0 {
		t.Errorf("%v pictures are counted as broken", n)
	}
}

// A phone that is turned says so in its pictures alone: what follows has another
// configuration.
func TestTurnedPhoneOfHEVC(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	sizes := []string{"320x180", "180x320", "320x180"}
	pictures := map[string][]rtmptest.Tag{} // made before it connects: who sends nothing for long is cut off
	for _, size := range sizes[:2] {
		pictures[size] = rtmptest.SetsInBand(fourFile(t, size, x265))
	}
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	for i, size := range sizes {
		tags := slices.Clone(pictures[size])
		if i > 0 {
			tags = tags[1:]
		}
		p.Play(tags, uint32(i*2000))
		r.untilLive("cam", size, func(l *bus.StreamRecord) bool { return fmt.Sprintf("%dx%d", l.Width, l.Height) == size })
	}
	p.Stop("cam")
	r.untilLive("cam", "over", inState(bus.StateGrace))
	var configs []string
	for _, c := range r.chunks("cam") {
		_ = c.EachTag(func(tag bus.Tag, _ int64) error {
			if tag.IsVideoConfig() && (len(configs) == 0 || configs[len(configs)-1] != string(tag.Data)) {
				configs = append(configs, string(tag.Data))
			}
			return nil
		})
	}
	if len(configs) != 3 {
		t.Errorf("%d configurations", len(configs))
	}
}

// What nobody can decode is refused in words that say what to do; what is too large too, be it
// so in its pictures alone.
func TestRefusedCodecs(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	hevc, av1 := append([]byte("\x90hvc1"), unhex(hevctest.HEVC360)...), append([]byte("\x90av01"), unhex(av1test.AV1360)...)
	// The sequence parameter set in it, but of pictures of 1008x368.
	wider := unhex("42010101600000030090000003000003003fa007e20171f2e595912930bc05a020000003002000000303c1")
	for _, c := range []struct {
		name   string
		can    []string
		pixels int
		send   [][]byte
		told   string
	}{
		{"hevc", []string{bus.CodecH264, bus.CodecAV1}, 0, [][]byte{hevc}, "video in HEVC (H.265) is not taken here: the ffmpeg beside the transcoder"},
		{"av1", []string{bus.CodecH264, bus.CodecHEVC}, 0, [][]byte{av1}, "video in AV1 is not taken here: the ffmpeg beside the transcoder"},
		{"vp9", []string{bus.CodecH264}, 0, [][]byte{[]byte("\x90vp09\x01")}, "video in VP9 is not taken here"},
		{"opus", []string{bus.CodecH264}, 0, nil, "audio in Opus is not taken here: AAC is made of it, and there is no ffmpeg beside ingest"},
		{"large-hevc", []string{bus.CodecHEVC}, 100_000, [][]byte{hevc}, "pictures of 640x368 are larger"},
		{"large-av1", []string{bus.CodecAV1}, 100_000, [][]byte{av1}, "pictures of 640x360 are larger"},
		{"broken", []string{bus.CodecHEVC}, 0, [][]byte{hevc[:60]}, "the HEVC configuration is broken"},
		{"large-in-band", []string{bus.CodecHEVC}, 640 * 368, [][]byte{hevc, append([]byte("\x93hvc1\x00\x00\x00\x2b"), wider...)}, "pictures of 1008x368 are larger"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			if c.pixels > 0 { // fewer than may be configured
				r.w.cfg.MaxPixels = c.pixels
			}
			r.w.cfg.FFmpeg = "no-such-program"
			r.w.decoders.ask = func(context.Context, time.Duration) (bus.Decoders, error) { return bus.Decoders{Codecs: c.can}, nil }
			p := rtmptest.Dial(t, r.w.Addr())
			p.MustPublish("live", "cam?key="+r.key.Secret)
			for i, b := range c.send {
				p.Video(uint32(i), b)
			}
			if c.send == nil {
				p.Audio(0, []byte("\x90Opus"))
			}
			if _, f := p.Await("onStatus"); f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], c.told) {
				t.Errorf("told %v", f)
			}
		})
	}
}

// Opus becomes AAC, at its times, beside pictures and alone; a hole in it or another
// configuration does no harm, and the end is not cut off.
func TestOpus(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sound.ogg")
	if out, err := ffmpeg(t, append(strings.Fields("-f lavfi -i sine=frequency=440:sample_rate=48000 -t 3 -ac 2 -c:a libopus -frame_duration 20"), name)...); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	ogg, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flv, err := os.ReadFile(file(t, "3", "-an"))
	if err != nil {
		t.Fatal(err)
	}
	sound, pictures := rtmptest.ReadOgg(ogg), rtmptest.ReadFLV(flv)
	const frames, second = 3 * 48000 / 1024, 48000 / 1024
	r := newRig(t, nil)
	for _, c := range []struct {
		name  string
		tags  []rtmptest.Tag
		audio int // frames
		slack int
	}{
		{"with-pictures", append(slices.Clone(sound), pictures...), frames, 2},
		{"alone", sound, frames - second, 2},                                        // for so long pictures may come
		{"with-a-hole", slices.Concat(sound[:50], sound[75:], pictures), frames, 2}, // of 500 ms, which silence fills
		{"with-a-jump", slices.Concat(sound[:20], sound[100:], pictures), frames - 1600*48/1024, 4},
		{"configured-twice", slices.Concat(sound[:50], sound[:1], sound[50:], pictures), frames, 2},
	} {
		slices.SortStableFunc(c.tags, func(a, b rtmptest.Tag) int { return int(a.TS) - int(b.TS) })
		p := rtmptest.Dial(t, r.w.Addr())
		p.MustPublish("live", c.name+"?key="+r.key.Secret)
		p.Play(c.tags, 0)
		p.Stop(c.name)
		l := r.untilLive(c.name, "over", inState(bus.StateGrace))
		if l.AudioCodec != bus.CodecAAC {
			t.Errorf("%s: the record has %q", c.name, l.AudioCodec)
		}
		chunks := r.chunks(c.name)
		_, audio := checkChunks(t, chunks, 0)
		if audio < c.audio-c.slack || audio > c.audio+c.slack {
			t.Errorf("%s: %d frames of %d", c.name, audio, c.audio)
		}
		if said, err := ffmpeg(t, "-v", "error", "-i", r.flv(t, chunks), "-map", "0:a", "-f", "null", "-"); err != nil || said != "" {
			t.Errorf("%s: ffmpeg: %v\n%.500s", c.name, err, said)
		}
	}
}

// Whose encoders die is told so, after some.
func TestOpusThatNobodyEncodes(t *testing.T) {
	r := newRig(t, nil)
	script := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.w.cfg.FFmpeg = script
	p := rtmptest.Dial(t, r.w.Addr())
	p.MustPublish("live", "cam?key="+r.key.Secret)
	p.Audio(0, []byte("\x90Opus"))
	told := make(chan map[string]string, 1)
	go func() {
		_, f := p.Await("onStatus")
		told <- f
	}()
	for ts := uint32(0); ; ts += 20 {
		select {
		case f := <-told:
			if f["code"] != rtmp.CodeRejected || !strings.Contains(f["description"], "no ffmpeg beside ingest") {
				t.Errorf("told %v", f)
			}
			return
		case <-time.After(5 * time.Millisecond):
			p.Audio(ts, []byte("\x91Opus\xfc\xff\xfe"))
		}
	}
}
