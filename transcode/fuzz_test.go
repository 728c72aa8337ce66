package transcode

import "testing"

// What a part carries may come from another version, or be damaged: an error, never a crash.
func FuzzResume(f *testing.F) {
	f.Add([]byte(`{"timeline":{"session":"s","part_target":227,"gen":1,"open":true,"mode":"pass","video":"AULAHv/hAAlnQsAe2QCgR74BAAVoy4PLIA==","audio":"EZA="},"gen":1,"audio":5}`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		r := rendition{}
		if s, err := r.resume(partWith(b)); err != nil || s == nil {
			return
		}
		t := &timeline{sink: discard{}, profile: Profiles()["live"]}
		_ = t.restore(r.resumedFrom.Timeline)
	})
}

// The whole fold takes whatever ingest may store.
func FuzzTimeline(f *testing.F) {
	f.Add([]byte{9, 0, 0, 30, 0x17, 1, 0, 0, 0, 8, 0, 0, 23, 0xaf, 1, 2})
	f.Fuzz(func(_ *testing.T, b []byte) {
		t := &timeline{sink: discard{}, profile: Profiles()["live"]}
		t.s = timelineState{Session: "s", N: -1, PartTarget: 227, Frame: 33, FPS: 30, AudioLag: audioLagStart}
		for n, c := range fuzzChunks(b) {
			c.N = uint64(n)
			if t.chunk(c) != nil {
				return
			}
		}
		t.finish()
	})
}
