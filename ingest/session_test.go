package ingest

import (
	"testing"

	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
)

// A tag costs the session less than an allocation: a chunk has some, of many tags.
func TestAllocationsPerTag(t *testing.T) {
	const tags = 3000
	s := sessionFor(t, &nowhere{})
	idr, p := rtmptest.AVCFrame(true, 5000), rtmptest.AVCFrame(false, 5000)
	i := uint32(0)
	next := func() {
		b := p
		if i%50 == 0 {
			b = idr
		}
		if err := s.Tag(9, i*40, b); err != nil {
			t.Fatal(err)
		}
		i++
	}
	for range 6 {
		next()
	}
	if n := testing.AllocsPerRun(tags-10, next); n >= 1 {
		t.Errorf("%v allocations a tag", n)
	}
}
