package transcode

import "testing"

// The peak is that of any run of segments of half a target duration to one and
// a half (RFC 8216bis 4.4.6.2), and goes on where another worker stopped.
func TestPeakBandwidth(t *testing.T) {
	for _, c := range []struct {
		what     string
		segments []span // 1000 bytes are 8000 bits
		want     int
	}{
		{"one segment", []span{{1000, 2000}}, 4000},
		{"the larger of two", []span{{1000, 2000}, {2000, 2000}}, 8000},
		{"a short rest alone does not count", []span{{1000, 2000}, {900, 300}, {1000, 2000}}, (1000 + 900) * 8000 / 2300},
		{"two short ones together do", []span{{1000, 1000}, {1000, 1000}}, 8000},
		{"three are too long", []span{{1000, 2000}, {1000, 2000}, {1000, 2000}}, 4000},
		{"nothing counts yet: the average", []span{{1000, 1000}}, 8000},
	} {
		var b bandwidth
		clock := int64(0)
		for _, s := range c.segments {
			half := s.Millis / 2
			b.add(fragment{index: 0, start: clock, end: clock + half}, int(s.Bytes/2), 4)
			b.add(fragment{index: 1, start: clock + half, end: clock + s.Millis, last: true}, int(s.Bytes/2), 4)
			clock += s.Millis
		}
		if peak, _ := b.rates(1); peak != c.want {
			t.Errorf("%s: %d bits/s, want %d", c.what, peak, c.want)
		}
		if len(b.Recent) > 6 {
			t.Errorf("%s: %d segments are remembered", c.what, len(b.Recent))
		}
	}
	// A segment that is left unfinished when media is lost is listed all the same.
	var b bandwidth
	b.add(fragment{index: 0, start: 0, end: 2000, last: true}, 1000, 4)
	b.add(fragment{index: 0, start: 2000, end: 2500}, 3000, 4)
	b.add(fragment{index: 0, start: 9000, end: 11000, last: true}, 1000, 4)
	if peak, _ := b.rates(1); peak != 4000*8000/2500 {
		t.Errorf("with an unfinished segment: %d bits/s, want %d", peak, 4000*8000/2500)
	}
}
