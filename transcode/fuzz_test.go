package transcode

import (
	"encoding/hex"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Configurations as x264 sends them, and one whose parameter set ends within its VUI.
const (
	avc720  = "0164001fffe1001c6764001facd9405005bb016a02020280000003008000001e078c18cb01000668ebe3cb22c0"
	avcTiny = "0142c01effe100096742c01ed900a047be01000568cb83cb20"
)

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
