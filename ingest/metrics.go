package ingest

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the worker counts. Nothing in it is per publisher.
type metrics struct {
	bytesIn  atomic.Uint64 // counted on every read: no lock, no interface
	live     prometheus.Gauge
	sessions prometheus.Counter
	refusals *prometheus.CounterVec
	turned   prometheus.Counter
	skipped  prometheus.Counter
	lost     prometheus.Counter
	restored prometheus.Counter
	broken   prometheus.Counter
	further  prometheus.Counter
	jumps    prometheus.Counter
	late     prometheus.Counter
	frames   prometheus.Counter
	chunks   prometheus.Counter
	bytesOut prometheus.Counter
	storing  prometheus.Histogram
	all      []prometheus.Collector
}

// trackNames are what people call the tracks (trackVideo, trackAudio).
var trackNames = [2]string{"picture", "sound"}

// newMetrics makes them. trails is by how many seconds a track of some publisher trails most.
func newMetrics(connections func() float64, trails func(track int) float64) *metrics {
	m := new(metrics)
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_ingest_" + name, Help: help})
		m.all = append(m.all, c)
		return c
	}
	m.live = prometheus.NewGauge(prometheus.GaugeOpts{Name: "pse_ingest_publishers", Help: "Publishers sending media now."})
	m.storing = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "pse_ingest_store_seconds", Help: "Time until the media log has acknowledged a chunk.",
		Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .5, 1, 5},
	})
	m.refusals = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pse_ingest_refusals_total", Help: "Publishers refused or cut off with a reason."}, []string{"code"})
	m.all = append(m.all, m.live, m.storing, m.refusals,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_ingest_connections", Help: "Open connections."}, connections),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pse_ingest_received_bytes_total", Help: "Bytes read from publishers."},
			func() float64 { return float64(m.bytesIn.Load()) }))
	for track, name := range trackNames {
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pse_ingest_trailing_seconds", Help: "By how much a track comes later than the other of its publisher, by track: the most of all publishers.",
			ConstLabels: prometheus.Labels{"track": name},
		}, func() float64 { return trails(track) }))
	}
	m.sessions = counter("sessions_total", "Publishers who began to send media.")
	m.turned = counter("rejected_connections_total", "Connections closed at once, over a limit.")
	m.skipped = counter("skipped_messages_total", "Messages left out that nobody needs: data that cannot be read or is too long.")
	m.lost = counter("lost_chunks_total", "Chunks that never reached the media log: the bus was away for too long.")
	m.restored = counter("restored_chunks_total", "Chunks stored again because the media log was lost.")
	m.broken = counter("broken_frames_total", "Access units dropped because they are not whole.")
	m.further = counter("further_tracks_total", "Packets of tracks beside the first that were left out.")
	m.frames = counter("frames_total", "Pictures and audio frames taken in.")
	m.late = counter("late_frames_total", "Pictures and audio frames left out since they came more than 5 s after those of the other track.")
	m.jumps = counter("jumps_total", "Pauses and jumps of publishers' clocks that were taken out.")
	m.chunks = counter("stored_chunks_total", "Chunks stored in the media log.")
	m.bytesOut = counter("stored_bytes_total", "Bytes stored in the media log.")
	return m
}

func (m *metrics) stored(bytes int, took time.Duration) {
	m.chunks.Inc()
	m.bytesOut.Add(float64(bytes))
	m.storing.Observe(took.Seconds())
}
