package transfer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/helios-h2020/pse/transfer/quota"
)

// metrics has no label for a file or an owner.
type metrics struct {
	created, completed, downloads, received prometheus.Counter
	removed, refused                        *prometheus.CounterVec
	files, bytes                            prometheus.GaugeFunc
}

func newMetrics(l *quota.Ledger) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_transfer_" + name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_transfer_" + name, Help: help}, f)
	}
	return &metrics{
		created:   counter("created_total", "Uploads made."),
		completed: counter("completed_total", "Uploads of which all bytes came."),
		downloads: counter("downloads_total", "Downloads begun."),
		received:  counter("received_bytes_total", "Bytes of uploads that were kept."),
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_transfer_removed_total", Help: "Uploads removed, by reason.",
		}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_transfer_refused_total", Help: "Uploads refused, by reason.",
		}, []string{"reason"}),
		files: gauge("files", "Uploads in the store.", func() float64 { n, _ := l.Sums(); return float64(n) }),
		bytes: gauge("bytes", "What they take, announced bytes included.", func() float64 { _, n := l.Sums(); return float64(n) }),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.created, m.completed, m.downloads, m.received, m.removed, m.refused, m.files, m.bytes}
}
