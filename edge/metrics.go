package edge

import (
	"strconv"
	"time"

	"github.com/helios-h2020/pse/edge/stream"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics has no label for a viewer or a stream.
type metrics struct {
	lists  prometheus.Counter
	media  prometheus.Counter
	bytes  prometheus.Counter
	errors *prometheus.CounterVec
	read   []prometheus.Collector // of what streams count themselves
}

func newMetrics(dir *stream.Directory) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	return &metrics{
		lists: counter("pse_edge_playlists_total", "Playlists answered."),
		media: counter("pse_edge_media_total", "Parts, segments and initialization segments answered."),
		bytes: counter("pse_edge_media_bytes_total", "Bytes of media answered, as far as ranges do not cut them."),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_edge_errors_total", Help: "Requests answered with an error, by status.",
		}, []string{"status"}),
		read: []prometheus.Collector{
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pse_edge_parts_total", Help: "Parts taken from the log."},
				func() float64 { return float64(dir.Usage().Parts) }),
			gauge("pse_edge_waiting_requests", "Requests that wait for a part to come.", func() float64 { return float64(dir.Usage().Waiting) }),
			gauge("pse_edge_followed_streams", "Streams followed.", func() float64 { return float64(dir.Usage().Followed) }),
			gauge("pse_edge_viewers", "Viewers seen lately, all streams.", func() (n float64) {
				for _, viewers := range dir.Viewers(time.Now()) {
					n += float64(viewers)
				}
				return n
			}),
			gauge("pse_edge_cache_bytes", "Media kept in memory away from the live edge.", func() float64 { return float64(dir.Usage().Cached) }),
			gauge("pse_edge_pinned_bytes", "Media kept in memory at the live edge.", func() float64 { return float64(dir.Usage().Pinned) }),
		},
	}
}

func (m *metrics) countError(status int) { m.errors.WithLabelValues(strconv.Itoa(status)).Inc() }

func (m *metrics) all() []prometheus.Collector {
	return append([]prometheus.Collector{m.lists, m.media, m.bytes, m.errors}, m.read...)
}
