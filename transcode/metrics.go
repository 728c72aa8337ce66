package transcode

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/helios-h2020/pse/bus"
)

// metrics are the worker's counters.
type metrics struct {
	jobs     prometheus.Gauge
	parts    prometheus.Counter
	bytes    prometheus.Counter
	restarts prometheus.Counter
	deaths   prometheus.Counter
	shed     prometheus.Counter
}

func newMetrics() *metrics {
	return &metrics{
		jobs:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "pse_transcode_streams", Help: "Streams this worker transcodes now."}),
		parts:    prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transcode_parts_total", Help: "Parts made."}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transcode_part_bytes_total", Help: "Bytes of parts made."}),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transcode_job_restarts_total", Help: "Jobs that failed and were begun again."}),
		deaths:   prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transcode_ffmpeg_deaths_total", Help: "ffmpeg children that ended before their stream."}),
		shed:     prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transcode_shed_total", Help: "Renditions given up because the machine could not keep up."}),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.jobs, m.parts, m.bytes, m.restarts, m.deaths, m.shed}
}

func (m *metrics) part(p *bus.Part) {
	m.parts.Inc()
	m.bytes.Add(float64(p.Size))
}
