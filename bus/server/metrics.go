package server

import (
	"strings"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
)

// Collectors are the metrics of the server.
func (s *Server) Collectors() []prometheus.Collector {
	return []prometheus.Collector{serverCollector{
		s,
		prometheus.NewDesc("pse_bus_log_bytes", "Bytes held by a log.", []string{"log"}, nil),
		prometheus.NewDesc("pse_bus_log_limit_bytes", "Bytes that a log holds at most; then its oldest messages go.", []string{"log"}, nil),
		prometheus.NewDesc("pse_bus_log_oldest_timestamp_seconds", "When a log's oldest message was stored.", []string{"log"}, nil),
		prometheus.NewDesc("pse_bus_log_messages", "Messages held by a log.", []string{"log"}, nil),
		prometheus.NewDesc("pse_bus_log_last_number", "Number of a log's newest message: grows by one with each.", []string{"log"}, nil),
		prometheus.NewDesc("pse_bus_clients", "Connections to the bus.", nil, nil),
		prometheus.NewDesc("pse_bus_slow_consumers_total", "Connections that were cut off since they read too slowly.", nil, nil),
	}}
}

// serverCollector asks the server when it is scraped.
type serverCollector struct {
	s                                                     *Server
	bytes, limit, oldest, messages, number, clients, slow *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c serverCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.bytes, c.limit, c.oldest, c.messages, c.number, c.clients, c.slow} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c serverCollector) Collect(out chan<- prometheus.Metric) {
	ns := c.s.current()
	out <- prometheus.MustNewConstMetric(c.clients, prometheus.GaugeValue, float64(ns.NumClients()))
	out <- prometheus.MustNewConstMetric(c.slow, prometheus.CounterValue, float64(ns.NumSlowConsumers()))
	c.s.eachLog(func(s natsserver.StreamDetail) {
		log := strings.TrimPrefix(s.Name, "KV_")
		out <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.State.Bytes), log)
		out <- prometheus.MustNewConstMetric(c.messages, prometheus.GaugeValue, float64(s.State.Msgs), log)
		out <- prometheus.MustNewConstMetric(c.number, prometheus.GaugeValue, float64(s.State.LastSeq), log)
		if s.Config.MaxBytes > 0 {
			out <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(s.Config.MaxBytes), log)
		}
		if s.State.Msgs > 0 {
			out <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, float64(s.State.FirstTime.UnixMilli())/1000, log)
		}
	})
}
