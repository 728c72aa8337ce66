package bus

import "github.com/prometheus/client_golang/prometheus"

// meter counts what a worker's connection goes through.
type meter struct {
	published, handled *prometheus.CounterVec
	lost               prometheus.Counter
	all                []prometheus.Collector
}

// newMeter names the worker in every figure, since one process may have several.
func newMeter(worker string) *meter {
	labels := prometheus.Labels{"worker": worker}
	m := &meter{
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_bus_events_published_total", Help: "Events stored, by topic.", ConstLabels: labels,
		}, []string{"topic"}),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_bus_events_handled_total", Help: "Tries to handle an event, by subscription and result: ok, retry, dead.", ConstLabels: labels,
		}, []string{"durable", "topic", "result"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pse_bus_connections_lost_total", Help: "Times the connection to the bus broke.", ConstLabels: labels,
		}),
	}
	m.all = []prometheus.Collector{m.published, m.handled, m.lost}
	return m
}

// Collectors are the metrics of this connection.
func (b *Bus) Collectors() []prometheus.Collector { return b.meter.all }
