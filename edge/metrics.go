package edge

import "github.com/prometheus/client_golang/prometheus"

// metrics has no label for a viewer or a stream.
type metrics struct {
	parts     prometheus.Counter
	lists     prometheus.Counter
	media     prometheus.Counter
	bytes     prometheus.Counter
	problems  *prometheus.CounterVec
	waiting   prometheus.Gauge
	followed  prometheus.GaugeFunc
	viewers   prometheus.GaugeFunc
	cacheSize prometheus.GaugeFunc
	pinned    prometheus.GaugeFunc
}

func newMetrics(w *Worker) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	return &metrics{
		parts: counter("pse_edge_parts_total", "Parts taken from the log."),
		lists: counter("pse_edge_playlists_total", "Playlists answered."),
		media: counter("pse_edge_media_total", "Parts, segments and initialization segments answered."),
		bytes: counter("pse_edge_media_bytes_total", "Bytes of media answered, as far as ranges do not cut them."),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_edge_problems_total", Help: "Requests answered with an error, by status.",
		}, []string{"status"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pse_edge_waiting_requests", Help: "Requests that wait for a part to come.",
		}),
		followed: gauge("pse_edge_followed_streams", "Streams followed.", func() float64 { return float64(len(w.dir.streams())) }),
		viewers:  gauge("pse_edge_viewers", "Viewers seen lately, all streams.", func() float64 { return float64(w.viewersHere()) }),
		cacheSize: gauge("pse_edge_cache_bytes", "Media kept in memory away from the live edge.", func() float64 {
			w.cache.mu.Lock()
			defer w.cache.mu.Unlock()
			return float64(w.cache.size)
		}),
		pinned: gauge("pse_edge_pinned_bytes", "Media kept in memory at the live edge.", func() float64 {
			n := int64(0)
			for _, s := range w.dir.streams() {
				n += s.pinned()
			}
			return float64(n)
		}),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.parts, m.lists, m.media, m.bytes, m.problems, m.waiting, m.followed, m.viewers, m.cacheSize, m.pinned}
}
