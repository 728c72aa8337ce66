package relay

import (
	"runtime"
	"testing"
)

// Busy loops get their Ps, and give them back.
func TestLendsToBusyLoops(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	w := newWorld(t, nil)
	c, p := w.raw("alice"), w.peer("udp4")
	c.bind(bound, p.LocalAddr())
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("an idle plane has GOMAXPROCS %d, not %d", now, before)
	}
	until(t, "a busy loop has a P of its own", func() bool {
		for range 200 {
			c.send(channelData(bound, []byte("busy")))
		}
		return w.plane.procs.raised.Load()
	})
	if now := runtime.GOMAXPROCS(0); now != before+1 {
		t.Errorf("a busy loop has GOMAXPROCS %d, not %d", now, before+1)
	}
	_ = w.server.Close()
	_ = w.plane.Close()
	if now := runtime.GOMAXPROCS(0); now != before {
		t.Errorf("a closed plane leaves GOMAXPROCS %d, not %d", now, before)
	}
}
