package transcode

import "testing"

// A stream goes in and comes out whole: source and sound, ended.
func TestStreamThrough(t *testing.T) {
	tags := record(t, picture360+tone+"-t 9 "+x264+noBFrames+"-g 60 "+aac)
	r := newRig(t, "live")
	r.work()
	r.end(r.publish(chunksOf(r.sid, r.wall, tags)))
	got := r.collect(sourceName, audioName)
	for name, parts := range got {
		check(t, name, parts)
		decode(t, name, parts)
		t.Logf("%s: %d parts, %+v", name, len(parts), *parts[0].Segment)
	}
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
}
