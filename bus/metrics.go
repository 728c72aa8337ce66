package bus

import "github.com/prometheus/client_golang/prometheus"

// meter counts a worker's events.
type meter struct {
	published *prometheus.CounterVec
}

// newMeter names the worker in every figure, since one process may have several.
func newMeter(worker string) *meter {
	labels := prometheus.Labels{"worker": worker}
	return &meter{
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_bus_events_published_total", Help: "Events stored, by topic.", ConstLabels: labels,
		}, []string{"topic"}),
	}
}
