package turn

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/helios-h2020/pse/turn/relay"
)

// metrics has no label for a client or a user.
type metrics struct {
	allocations *allocationsByTransport
	connections prometheus.GaugeFunc
	bytes       []prometheus.CounterFunc
	losses      *losses
	opened      *prometheus.CounterVec
	refused     *prometheus.CounterVec
	revoked     prometheus.Counter
	unrecorded  prometheus.Counter
	untold      prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_turn_allocated_total", Help: "Allocations made, by transport of the client.",
		}, []string{"transport"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_turn_refused_total", Help: "What was refused or dropped, by reason.",
		}, []string{"reason"}),
		revoked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pse_turn_revoked_total", Help: "Allocations ended since their user left the call.",
		}),
		unrecorded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pse_turn_record_failures_total", Help: "Times the bus did not take the record of allocations; they go on without.",
		}),
		untold: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pse_turn_unpublished_total", Help: "Allocations whose events were dropped: the bus was away while too many ended.",
		}),
	}
}

// watch adds what is read off the worker's parts.
func (m *metrics) watch(t *table, connections func() int, p *fallbackRelay, f *dataPlane, limits *relay.Meter) {
	m.losses = newLosses(f, limits)
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
	all := []prometheus.Collector{m.allocations, m.connections, m.opened, m.refused, m.revoked, m.unrecorded, m.untold, m.losses}
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

// losses are packets that were not relayed, counted when it is asked.
type losses struct {
	dataPlane     *dataPlane
	limits        *relay.Meter
	dropped, over *prometheus.Desc
}

func newLosses(f *dataPlane, limits *relay.Meter) *losses {
	return &losses{
		f, limits,
		prometheus.NewDesc("pse_turn_dropped_packets_total", "Packets of the data plane that were not relayed, by reason.", []string{"reason"}, nil),
		prometheus.NewDesc("pse_turn_over_limit_packets_total", "Packets that were not relayed, or later, by the limit that they were over.", []string{"limit"}, nil),
	}
}

// Describe is what Prometheus calls.
func (l *losses) Describe(ch chan<- *prometheus.Desc) { ch <- l.dropped; ch <- l.over }

// Collect is what Prometheus calls.
func (l *losses) Collect(ch chan<- prometheus.Metric) {
	d := l.dataPlane.stats().Drops
	for reason, n := range map[string]uint64{
		"unknown": d.Unknown, "peer": d.Refused, "rate": d.Rate, "size": d.Oversize, "queue": d.Queue, "kernel": d.Kernel,
	} {
		ch <- prometheus.MustNewConstMetric(l.dropped, prometheus.CounterValue, float64(n), reason)
	}
	refused := l.limits.Refused()
	for _, limit := range []string{limitAllocation, limitUser, limitGuest, limitGuestBytes, limitAddress, limitAddressBytes, limitTotal} {
		ch <- prometheus.MustNewConstMetric(l.over, prometheus.CounterValue, float64(refused[limit]), limit)
	}
}
