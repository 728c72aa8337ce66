package transcode

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// shift moves tags in time and epoch.
func shift(tags []timed, by int64, epoch int) []timed {
	out := make([]timed, len(tags))
	for i, t := range tags {
		t.at += by
		t.epoch = epoch
		out[i] = t
	}
	return out
}

// only keeps the tags that f wants.
func only(tags []timed, f func(timed) bool) []timed {
	var out []timed
	for _, t := range tags {
		if f(t) {
			out = append(out, t)
		}
	}
	return out
}

// appear lets a track begin at a time, its configuration too.
func appear(tags []timed, kind byte, from int64) (out []timed) {
	var config *timed
	for _, t := range tags {
		switch {
		case t.Type != kind:
		case t.IsVideoConfig() || t.IsAACConfig():
			config = &t
			continue
		case t.at < from || config != nil && kind == bus.TagVideo && !t.IsKey():
			continue
		case config != nil:
			config.at = t.at
			out = append(out, *config)
			config = nil
		}
		out = append(out, t)
	}
	return out
}

// padded adds filler data (H.264, 7.4.1) to the pictures of a time.
func padded(tags []timed, from, till int64, size int) []timed {
	filler := append(binary.BigEndian.AppendUint32(nil, uint32(size+2)), 12)
	filler = append(append(filler, bytes.Repeat([]byte{0xff}, size)...), 0x80)
	out := slices.Clone(tags)
	for i, t := range out {
		if t.IsVideoFrame() && t.at >= from && t.at < till {
			out[i].Data = slices.Concat(t.Data, filler)
		}
	}
	return out
}

const short = picture360 + tone + "-t 8 " + x264 + noBFrames + "-g 60 " + aac

func TestOddInputs(t *testing.T) {
	plain := record(t, short)
	small := record(t, "-f lavfi -i testsrc2=size=426x240:rate=25 "+tone+"-t 6 "+x264+noBFrames+"-g 50 "+aac)
	slow := record(t, "-f lavfi -i testsrc2=size=640x360:rate=12 "+tone+"-t 8 "+x264+noBFrames+"-g 24 "+aac)
	all := []string{sourceName, "240p", audioName}
	for _, c := range []struct {
		name  string
		tags  []timed
		want  []string
		discs int
		long  bool // another covers most of it
	}{
		{"no audio", only(plain, func(t timed) bool { return t.Type != bus.TagAudio }), []string{sourceName, "240p"}, 0, false},
		{"audio only", only(plain, func(t timed) bool { return t.Type != bus.TagVideo }), []string{audioName}, 0, false},
		{"no audio, dropped pictures", only(plain, func(t timed) bool { return t.Type != bus.TagAudio && !(t.IsVideoFrame() && t.at > 3000 && t.at < 3700) }), []string{sourceName, "240p"}, 1, true},
		{"B-frames", record(t, picture360+tone+"-t 8 "+x264+"-bf 3 -g 60 "+aac), all, 0, false},
		{"audio 600 ms late", only(plain, func(t timed) bool { return !t.IsAACFrame() || t.at > 600 }), all, 0, true},
		{"audio 3 s late", only(plain, func(t timed) bool { return t.Type != bus.TagAudio || t.at > 3000 || t.IsAACConfig() }), all, 0, false},
		{"audio appears after 3 s", appear(plain, bus.TagAudio, 3000), all, 1, false},
		{"pictures appear after 3 s", appear(plain, bus.TagVideo, 3000), all, 1, false},
		{"a configuration of pictures that never come", only(plain, func(t timed) bool { return !t.IsVideoFrame() }), []string{audioName}, 0, false},
		{"another rate after a reconnect", append(shift(plain, 0, 0), shift(slow, 9_000, 1)...), all, 1, false},
		{"audio stops", only(plain, func(t timed) bool { return !t.IsAACFrame() || t.at < 4000 }), all, 0, false},
		{"audio pauses", only(plain, func(t timed) bool { return !t.IsAACFrame() || t.at < 3000 || t.at > 5000 }), all, 0, true},
		{"dropped pictures", only(plain, func(t timed) bool {
			return !t.IsVideoFrame() || t.at < 3000 || t.at > 3600
		}), all, 0, false},
		{"reconnect", append(shift(plain, 0, 0), shift(plain, 20_000, 1)...), all, 1, false},
		{"no sound after a reconnect", append(shift(plain, 0, 0), shift(only(plain, func(t timed) bool { return t.Type != bus.TagAudio }), 9_000, 1)...), all, 1, true},
		{"other size after a reconnect", append(shift(plain, 0, 0), shift(small, 9_000, 1)...), all, 1, false},
		{"other size in the middle", append(shift(plain, 0, 0), shift(small, 8_010, 0)...), all, 1, true},
		{"clock near 2^31", shift(plain, 1<<31-4000, 0), all, 0, true},
		{"clock near 2^32", shift(plain, 1<<32-4000, 0), all, 0, false},
		{"44100 Hz mono", record(t, picture360+"-f lavfi -i sine=sample_rate=44100 -t 6 "+x264+noBFrames+"-g 60 -c:a aac -ac 1"), all, 0, false},
		{"short GOPs", record(t, picture360+tone+"-t 6 "+x264+noBFrames+"-g 7 "+aac), all, 0, false},
		{"60 frames a second", record(t, "-f lavfi -i testsrc2=size=640x360:rate=60 "+tone+"-t 6 "+x264+noBFrames+"-g 120 "+aac), all, 0, true},
		{"15 frames a second", record(t, "-f lavfi -i testsrc2=size=640x360:rate=15 "+tone+"-t 6 "+x264+noBFrames+"-g 30 "+aac), all, 0, true},
		{"5 frames a second", record(t, "-f lavfi -i testsrc2=size=640x360:rate=5 "+tone+"-t 6 "+x264+noBFrames+"-g 10 "+aac), all, 0, false},
		{"portrait", record(t, "-f lavfi -i testsrc2=size=360x640:rate=30 "+tone+"-t 6 "+x264+noBFrames+"-g 60 "+aac), all, 0, false},
		{"pictures too large for one part", padded(plain, 3000, 3300, 2<<20), all, 0, false},
		{"shorter than the plan", only(plain, func(t timed) bool { return t.at < 700 }), all, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.long && os.Getenv("PSE_LONG") == "" {
				t.Skip("long: make test-long runs it")
			}
			t.Parallel()
			got := whole(t, "live", c.tags, c.want...)
			for name, parts := range got {
				if n := discontinuities(parts); n != c.discs && !(c.name == "other size after a reconnect" || c.name == "other size in the middle") {
					t.Errorf("%s: %d discontinuities, want %d", name, n, c.discs)
				}
			}
		})
	}
}

// Pictures stop for 5 s while sound goes on: all of the time is kept, the
// pictures are encoded from there on, since no segment may be that long.
func TestFreeze(t *testing.T) {
	t.Parallel()
	long := record(t, picture360+tone+"-t 14 "+x264+noBFrames+"-g 60 "+aac)
	got := whole(t, "live", only(long, func(t timed) bool { return !t.IsVideoFrame() || t.at < 3000 || t.at > 8000 }), sourceName, "240p", audioName)
	for name, parts := range got {
		if n := discontinuities(parts); n != 1 {
			t.Errorf("%s: %d discontinuities, want 1", name, n)
		}
		if end := parts[len(parts)-2].End; end < 13_900 {
			t.Errorf("%s: ends at %d ms", name, end)
		}
	}
}

// Pictures stop for good while sound goes on: the last one stays, the stream does not.
func TestPicturesStop(t *testing.T) {
	t.Parallel()
	long := record(t, picture360+tone+"-t 14 "+x264+"-bf 2 -g 60 "+aac)
	r := newRig(t, "live")
	r.work()
	chunks := chunksOf(r.sid, r.wall, only(long, func(t timed) bool { return !t.IsVideoFrame() || t.at < 4000 }))
	last := r.publish(chunks)
	waitFor(t, func() bool {
		for _, name := range []string{sourceName, "240p", audioName} {
			if p, err := r.b.LastPart(t.Context(), r.sid, name); err != nil || p.End < 12_500 {
				return false
			}
		}
		return true
	})
	r.end(last)
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decodeAll(t, name, parts)
		if n := discontinuities(parts); n != 1 {
			t.Errorf("%s: %d discontinuities, want 1", name, n)
		}
	}
}

// They stop for a while and come back in the middle of a GOP.
func TestPicturesReturn(t *testing.T) {
	t.Parallel()
	long := record(t, picture360+tone+"-t 14 "+x264+noBFrames+"-g 120 "+aac)
	got := whole(t, "live", only(long, func(t timed) bool { return !t.IsVideoFrame() || t.at < 5000 || t.at > 11_000 }), sourceName, "240p", audioName)
	for name, parts := range got {
		if n := discontinuities(parts); n != 1 {
			t.Errorf("%s: %d discontinuities, want 1", name, n)
		}
	}
}
