package turn

import "github.com/prometheus/client_golang/prometheus"

// metrics has no label for a client or a user.
type metrics struct {
	allocations *allocationsByTransport
	connections prometheus.GaugeFunc
	bytes       []prometheus.CounterFunc
	opened      *prometheus.CounterVec
	refused     *prometheus.CounterVec
	revoked     prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_turn_opened_total", Help: "Allocations made, by transport of the client.",
		}, []string{"transport"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_turn_refused_total", Help: "What was refused or dropped, by reason.",
		}, []string{"reason"}),
		revoked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pse_turn_revoked_total", Help: "Allocations ended since their user left the call.",
		}),
	}
}

// watch adds what is read off the worker's parts.
func (m *metrics) watch(t *table, connections func() int, p *plain, f *plane) {
	m.allocations = &allocationsByTransport{t, prometheus.NewDesc("pse_turn_allocations", "Allocations there are, by transport of the client.", []string{"transport"}, nil)}
	m.connections = prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_turn_connections", Help: "Connections of clients over TCP, TLS and DTLS."},
		func() float64 { return float64(connections()) })
	relayed := func(to string, read func() float64) prometheus.CounterFunc {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "pse_turn_relayed_bytes_total", Help: "Payload relayed, by direction.", ConstLabels: prometheus.Labels{"to": to},
		}, read)
	}
	m.bytes = []prometheus.CounterFunc{
		relayed("peers", func() float64 { return float64(p.toPeers.Load() + f.stats().ToPeers.Bytes) }),
		relayed("client", func() float64 { return float64(p.toClient.Load() + f.stats().ToClient.Bytes) }),
	}
}

func (m *metrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

func (m *metrics) all() []prometheus.Collector {
	all := []prometheus.Collector{m.allocations, m.connections, m.opened, m.refused, m.revoked}
	for _, b := range m.bytes {
		all = append(all, b)
	}
	return all
}

// allocationsByTransport counts when it is asked.
type allocationsByTransport struct {
	table *table
	desc  *prometheus.Desc
}

// Describe is what Prometheus calls.
func (a *allocationsByTransport) Describe(ch chan<- *prometheus.Desc) { ch <- a.desc }

// Collect is what Prometheus calls.
func (a *allocationsByTransport) Collect(ch chan<- prometheus.Metric) {
	now := a.table.byTransport()
	for _, t := range []string{"udp", "tcp", "tls", "dtls"} {
		ch <- prometheus.MustNewConstMetric(a.desc, prometheus.GaugeValue, float64(now[t]), t)
	}
}
