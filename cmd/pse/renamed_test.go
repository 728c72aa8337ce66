package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A renamed metric has the same values under its old name; others come once.
func TestOldNamesOfMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	opened := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pse_turn_allocated_total", Help: "New."}, []string{"transport"})
	other := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pse_turn_other", Help: "Other."})
	reg.MustRegister(opened, other)
	opened.WithLabelValues("udp").Add(2)
	opened.WithLabelValues("tls").Inc()
	want := `# HELP pse_turn_allocated_total New.
# TYPE pse_turn_allocated_total counter
pse_turn_allocated_total{transport="tls"} 1
pse_turn_allocated_total{transport="udp"} 2
# HELP pse_turn_opened_total Old name of pse_turn_allocated_total, for one version.
# TYPE pse_turn_opened_total counter
pse_turn_opened_total{transport="tls"} 1
pse_turn_opened_total{transport="udp"} 2
# HELP pse_turn_other Other.
# TYPE pse_turn_other gauge
pse_turn_other 0
`
	if err := testutil.GatherAndCompare(oldNames{reg}, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
