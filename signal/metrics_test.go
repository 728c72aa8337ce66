package signal

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Why connections ended is counted: a phone that said that it leaves, one that was
// silent, one whose connection broke.
func TestWhyConnectionsEnded(t *testing.T) {
	w := newWorld(t, 1, func(c *Config) { c.PingInterval, c.PingTimeout = time.Second, time.Second })
	m := w.workers[0].rooms.metrics
	if n := testutil.CollectAndCount(m.closed); n != len(reasonsOf()) {
		t.Errorf("%d reasons are counted before anything happened, not %d", n, len(reasonsOf()))
	}
	w.join(0, "r", modernAuth).Leave()
	w.join(0, "r", modernAuth).Close()
	w.join(0, "r", modernAuth).Silence()
	for _, reason := range []string{"client left", "transport close", "ping timeout"} {
		bustest.Eventually(t, reason, func() bool { return testutil.ToFloat64(m.closed.WithLabelValues(reason)) == 1 })
	}
}

func reasonsOf() map[string]bool {
	all := map[string]bool{}
	for _, reason := range closedReasons {
		all[reason] = true
	}
	return all
}
