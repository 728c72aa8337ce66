package hls

import "testing"

// Where a publisher was away the stream clock went on, but not the list.
func TestWithinCountsWhatIsListed(t *testing.T) {
	v := &View{parts: []*Part{{start: 30_000, end: 30_200}, {start: 30_200, end: 30_400}}}
	for _, start := range []int64{0, 2000, 4000, 20_000, 22_000} { // a pause of 14 s after the third, 6 s after the last
		v.listed = append(v.listed, &segment{start: start, end: start + 2000})
	}
	for ms, want := range map[int64]int{0: 5, 400: 5, 401: 4, 2400: 4, 2401: 3, 6400: 2, 6401: 1, 60_000: 0} {
		if got := v.within(ms); got != want {
			t.Errorf("the last %d ms begin in segment %d, not %d", ms, got, want)
		}
	}
}
