package transcode

import (
	"testing"

	"github.com/helios-h2020/pse/bus"
)

// A stream goes in and comes out whole: source and sound, ended.
func TestStreamThrough(t *testing.T) {
	t.Parallel()
	tags := record(t, picture360+tone+"-t 9 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
		t.Logf("%s: %d parts, %+v", name, len(parts), *parts[0].Segment)
	}
	same(t, got[sourceName], got["240p"])
}

// A 720p stream gets its ladder; all renditions are cut alike.
func TestLadder(t *testing.T) {
	tags := record(t, picture720+tone+"-t 7 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, "480p", "240p", audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
		t.Logf("%s: %d parts, %+v", name, len(parts), *parts[0].Segment)
	}
	same(t, got[sourceName], got["480p"])
	same(t, got[sourceName], got["240p"])
}

// whole runs tags through a worker and checks every rendition.
func whole(t *testing.T, app string, tags []timed, names ...string) map[string][]*bus.Part {
	t.Helper()
	r := newRig(t, app)
	r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	got := r.collect(names...)
	if len(got) != len(names) {
		t.Errorf("%d renditions, want %v", len(got), names)
	}
	for name, parts := range got {
		check(t, name, parts)
		decodeAll(t, name, parts)
		first, last := parts[0], parts[len(parts)-2]
		t.Logf("%s: %d parts, %d to %d ms, %+v", name, len(parts), first.Start, last.End, *first.Segment)
	}
	return got
}

// A source with a key frame every 10 s cannot be cut: it is encoded from the first segment's limit on.
func TestLongGOP(t *testing.T) {
	t.Parallel()
	got := whole(t, "live", record(t, picture360+tone+"-t 16 "+x264+"-bf 2 -g 300 -keyint_min 300 "+aac), sourceName, "240p", audioName)
	for name, parts := range got {
		if n := discontinuities(parts); n != 1 {
			t.Errorf("%s: %d discontinuities, want 1", name, n)
		}
	}
}

func TestHeliosProfiles(t *testing.T) {
	for app, media := range map[string]string{
		"plane": picture360 + tone + "-t 13 ", "360": picture360 + tone + "-t 13 ", "p2p": picture720 + tone + "-t 7 ",
	} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			got := whole(t, app, record(t, media+x264+noBFrames+"-g 75 "+aac), "0", "1", audioName)
			for name, parts := range got {
				if n := discontinuities(parts); n != 0 {
					t.Errorf("%s: %d discontinuities, want none", name, n)
				}
			}
		})
	}
}
