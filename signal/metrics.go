package signal

import "github.com/prometheus/client_golang/prometheus"

// metrics has no label for a client or a room.
type metrics struct {
	sessions, rooms, memory                                                  prometheus.GaugeFunc
	signals, batches, delivered, recovered, lost, left, full, glare, guesses prometheus.Counter
	refused, over                                                            *prometheus.CounterVec
}

func newMetrics(w *Worker) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_signal_" + name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_signal_" + name, Help: help}, f)
	}
	return &metrics{
		sessions: gauge("sessions", "Connections of clients.", func() float64 { return float64(w.engine.Len()) }),
		rooms:    gauge("rooms", "Rooms with anybody in them, at all workers.", func() float64 { return float64(w.presence.rooms()) }),
		memory: gauge("memory_bytes", "Signals kept for clients that come back.", func() float64 {
			w.memory.mu.Lock()
			defer w.memory.mu.Unlock()
			return float64(w.memory.bytes)
		}),
		signals:   counter("signals_total", "Signals stored in the log."),
		batches:   counter("batches_total", "Entries of the log that these signals took."),
		delivered: counter("delivered_total", "Signals for clients of this worker."),
		recovered: counter("recovered_total", "Clients that came back to the place they had."),
		lost:      counter("unrecoverable_total", "Clients that came back too late, or after missing more than is kept."),
		left:      counter("left_total", "Members whose leaving was told by this worker."),
		full:      counter("full_total", "Clients that found their room full."),
		glare:     counter("glares_total", "Offers that did not reach an old client since its own was open."),
		guesses:   counter("guesses_total", "Wrong passphrases."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_signal_refused_total", Help: "Clients that were not let in, by reason.",
		}, []string{"reason"}),
		over: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_signal_over_limit_total", Help: "Connections that were ended since they sent too much, by limit: packets, bytes, or bytes of all together.",
		}, []string{"limit"}),
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.sessions, m.rooms, m.memory, m.signals, m.batches, m.delivered, m.recovered, m.lost, m.left, m.full, m.glare, m.guesses, m.refused, m.over,
	}
}
