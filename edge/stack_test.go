//go:build !race

package edge_test

import (
	"runtime"
	"runtime/metrics"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/edge/edgetest"
)

// A viewer who waits for the next list, of whom there are thousands, has a stack of 4 KiB:
// what stands on it while it waits decides, and stacks double. With the race detector
// frames are larger, so make check runs this one without it.
func TestStackOfAWaitingViewer(t *testing.T) {
	const viewers = 500
	b := bustest.New(t)
	st := edgetest.New(t, "a", edgetest.Plan{Bus: b})
	st.Segments(3)
	st.Publish(3)
	s := startEdge(t, b, nil)
	s.sees(st)
	inUse := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
		runtime.GC()
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before := inUse()
	var all []*wire
	for range viewers {
		c := s.dial(t)
		c.send(c.get("/hls/a/source/index.m3u8"))
		c.receive(200)
		all = append(all, c)
	}
	for _, c := range all {
		c.send(c.get("/hls/a/source/index.m3u8?_HLS_msn=4&_HLS_part=0"))
	}
	bustest.Eventually(t, "all of them wait", func() bool { return s.metric("pse_edge_waiting_requests") == viewers })
	if got := (inUse() - before) / viewers; got > 5<<10 {
		t.Errorf("a viewer who waits has a stack of %d bytes, more than one of 4 KiB", got)
	}
}
