package bus

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// figure is what a server's metric says now, of one log if it has several.
func figure(t *testing.T, srv *Server, name, log string) float64 {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(srv.Collectors()...)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (log == "" || m.GetLabel()[0].GetValue() == log) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func TestMetrics(t *testing.T) {
	srv := testServer(t)
	b := testBus(t, srv)
	publish(t, b, started("a", "1"), started("a", "2"))
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(srv.Collectors()...)
	reg.MustRegister(b.Collectors()...)
	another := newMeter("another")
	reg.MustRegister(another.published)
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP pse_bus_clients Connections to the bus.
# TYPE pse_bus_clients gauge
pse_bus_clients 1
# HELP pse_bus_events_published_total Events stored, by topic.
# TYPE pse_bus_events_published_total counter
pse_bus_events_published_total{topic="stream.started",worker="TestMetrics"} 2
`), "pse_bus_clients", "pse_bus_events_published_total")
	if err != nil {
		t.Error(err)
	}
	n, err := testutil.GatherAndCount(reg, "pse_bus_log_messages")
	if err != nil || n != len(b.logs.want.streams(time.Now()))+len(b.logs.want.buckets())+1 { // and FEED
		t.Errorf("%d logs, %v", n, err)
	}
	for name, least := range map[string]int{"pse_bus_log_limit_bytes": len(b.logs.want.streams(time.Now())), "pse_bus_log_oldest_timestamp_seconds": 1} {
		if n, err := testutil.GatherAndCount(reg, name); err != nil || n < least {
			t.Errorf("%s: of %d logs, %v", name, n, err)
		}
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}
