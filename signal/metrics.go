package signal

import (
	"github.com/helios-h2020/pse/signal/engineio"
	"github.com/helios-h2020/pse/signal/replay"
	"github.com/helios-h2020/pse/signal/socketio"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics has no label for a client or a room.
type metrics struct {
	rooms, memory                                          prometheus.GaugeFunc
	delivered, glare                                       prometheus.CounterFunc
	signals, batches, recovered, lost, left, full, guesses prometheus.Counter
	refused, over, closed                                  *prometheus.CounterVec
}

// closedReasons are the reasons of pse_signal_closed_total.
var closedReasons = map[socketio.Reason]string{
	socketio.ClientLeft: "client left", socketio.ServerClose: "server close",
	engineio.PingTimeout: "ping timeout", engineio.TransportClose: "transport close", engineio.TransportError: "transport error",
	engineio.ParseError: "parse error", engineio.ForcedClose: "server close", engineio.ShuttingDown: "server stop",
	engineio.QueueFull: "send queue full", engineio.RateLimit: "rate limit",
}

// ended counts a connection that ended.
func (m *metrics) ended(r socketio.Reason) { m.closed.WithLabelValues(closedReasons[r]).Inc() }

// sessionsGauge counts the connections.
func sessionsGauge(sessions func() int) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_signal_sessions", Help: "Connections of clients."}, func() float64 { return float64(sessions()) })
}

func newMetrics(buffer *replay.Buffer, presence *presence) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "pse_signal_" + name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pse_signal_" + name, Help: help}, f)
	}
	count := func(name, help string, f func() float64) prometheus.CounterFunc {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pse_signal_" + name, Help: help}, f)
	}
	closed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pse_signal_closed_total", Help: "Connections that ended, by reason: client left (it said so), ping timeout (it was silent: a phone in a tunnel), transport close (its connection broke without a word), and what this server ended.",
	}, []string{"reason"})
	for _, reason := range closedReasons {
		closed.WithLabelValues(reason)
	}
	return &metrics{
		rooms:     gauge("rooms", "Rooms with anybody in them, at all workers.", func() float64 { return float64(presence.rooms()) }),
		memory:    gauge("replay_bytes", "Signals kept for clients that reconnect.", func() float64 { return float64(buffer.Stats().Bytes) }),
		signals:   counter("signals_total", "Signals stored in the log."),
		batches:   counter("batches_total", "Entries of the log that these signals took."),
		delivered: count("delivered_total", "Signals for clients of this worker.", func() float64 { return float64(buffer.Stats().Delivered) }),
		recovered: counter("recovered_total", "Clients that came back to the place they had."),
		lost:      counter("unrecoverable_total", "Clients that came back too late, or after missing more than is kept."),
		left:      counter("left_total", "Members whose leaving was told by this worker."),
		full:      counter("full_total", "Clients that found their room full."),
		glare:     count("glares_total", "Offers that did not reach an old client since its own was open.", func() float64 { return float64(buffer.Stats().Glares) }),
		guesses:   counter("wrong_passphrases_total", "Wrong passphrases."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_signal_refused_total", Help: "Clients that were not let in, by reason.",
		}, []string{"reason"}),
		over: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pse_signal_over_limit_total", Help: "Connections that were ended since they sent too much, by limit: packets, bytes, or bytes of all together.",
		}, []string{"limit"}),
		closed: closed,
	}
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.rooms, m.memory, m.signals, m.batches, m.delivered, m.recovered, m.lost, m.left, m.full, m.glare, m.guesses, m.refused, m.over, m.closed,
	}
}
