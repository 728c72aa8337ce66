// Package ingest takes publishers in: RTMP and RTMPS into the media log.
//
//	ingest/rtmp -> publisher -> session -> timeline -> recorder -> media log
//
// A protocol (ingest/rtmp) holds its connections to their limits. It asks a
// publisher for a name, gets a session, and gives that FLV tags: the one door
// for any protocol. The session looks at what they are, its timeline gives each
// a place on the stream clock, and the recorder stores them.
package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Worker is the ingest worker.
type Worker struct {
	shared
	bus       *bus.Bus
	keys      *access.Keys
	log       *zap.Logger
	rtmp      *rtmp.Server
	announcer *announcer

	plain, secure net.Listener // RTMP and RTMPS; nil: none
	publishers    publishers
	admission     *admission
	reconciler    *reconciler

	stop context.CancelFunc // of shared.ctx
	kill context.CancelFunc // of shared.hard
}

// New validates cfg and binds the listeners. Run is to be called in any case:
// it releases them. keys may be nil if cfg.Open, secure without cfg.TLSListen.
func New(cfg Config, b *bus.Bus, keys *access.Keys, secure *tls.Config, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if secure == nil && cfg.TLSListen != "" {
		return nil, errors.New("ingest.tls_listen: no certificate; give New a tls.Config")
	}
	if keys == nil && !cfg.Open {
		return nil, errors.New("ingest: no stream keys; give New an access.Keys, or set open")
	}
	w := &Worker{bus: b, keys: keys, log: log, publishers: publishers{all: make(map[string]*session)}, announcer: newAnnouncer(b, log)}
	w.cfg, w.media, w.decoders = cfg, b, &decoders{ffmpeg: cfg.FFmpeg, ask: b.RequestDecoders}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.hard, w.kill = context.WithCancel(context.Background())
	w.stats = newMetrics(func() float64 { return float64(w.rtmp.Connections()) }, w.publishers.trails)
	w.records = &records{bus: b, cfg: cfg, announcer: w.announcer, log: log, hard: w.hard}
	w.admission = &admission{bus: b, cfg: cfg, publishers: &w.publishers, records: w.records}
	w.reconciler = newReconciler(b, cfg, &w.publishers, w.records, w.announcer, log)
	w.rtmp = rtmp.NewServer(rtmp.Config{
		MaxConnections: cfg.MaxConnections, MaxPerIP: cfg.MaxPerIP, SetupTimeout: cfg.SetupTimeout, IdleTimeout: cfg.IdleTimeout,
		Codecs: func() (video, audio []rtmp.Codec) { return w.decoders.taken(w.ctx) },
		Accept: func(p rtmp.Peer) rtmp.Publisher {
			return &publisher{shared: &w.shared, admission: w.admission, keys: keys, peer: p}
		},
		Received: &w.stats.bytesIn, TurnedAway: w.stats.turned.Inc, Log: log,
		Refused: func(code string) { w.stats.refusals.WithLabelValues(code).Inc() }, Skipped: w.stats.skipped.Inc,
	})
	var err error
	if cfg.Listen != "" {
		if w.plain, err = w.rtmp.Listen(cfg.Listen, nil); err != nil {
			return nil, fmt.Errorf("ingest.listen: %w; is another RTMP server running?", err)
		}
	}
	if cfg.TLSListen != "" {
		if w.secure, err = w.rtmp.Listen(cfg.TLSListen, secure); err != nil {
			if w.plain != nil {
				_ = w.plain.Close()
			}
			return nil, fmt.Errorf("ingest.tls_listen: %w", err)
		}
	}
	return w, nil
}

// Addr is where RTMP is taken, or RTMPS if there is no RTMP.
func (w *Worker) Addr() net.Addr {
	if w.plain != nil {
		return w.plain.Addr()
	}
	return w.secure.Addr()
}

// TLSAddr is where RTMPS is taken, nil if nowhere.
func (w *Worker) TLSAddr() net.Addr {
	if w.secure == nil {
		return nil
	}
	return w.secure.Addr()
}

// Routes adds nothing: ingest has no HTTP.
func (w *Worker) Routes(*http.ServeMux) {}

// Ready is nil while publishers can be served.
func (w *Worker) Ready() error {
	switch {
	case w.ctx.Err() != nil:
		return errors.New("ingest is stopping")
	case !w.bus.Connected():
		return errors.New("ingest has no connection to the bus")
	}
	return w.admission.room()
}

// Collectors are the worker's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.stats.all }

// Run serves publishers until ctx ends. Then it cuts them off, waits until
// what they sent is stored and on record, and releases all that New took.
func (w *Worker) Run(ctx context.Context) error {
	var keeping sync.WaitGroup
	keepingCtx, stopKeeping := context.WithCancel(w.hard)
	keeping.Go(func() { w.reconciler.run(keepingCtx) })
	keeping.Go(func() { w.announcer.run(keepingCtx, w.hard) })
	unwatch := func() {}
	if !w.cfg.Open {
		unwatch = w.keys.Watch(w.cutRevoked)
	}
	for _, l := range []net.Listener{w.plain, w.secure} {
		if l == nil {
			continue
		}
		w.rtmp.Serve(l)
		w.log.Info("taking publishers", zap.Stringer("addr", l.Addr()), zap.Bool("tls", l == w.secure), zap.Bool("open", w.cfg.Open))
	}
	<-ctx.Done()
	w.stop()
	unwatch()
	w.rtmp.Stop()
	timer := time.AfterFunc(w.cfg.SetupTimeout, w.kill) // a bus that is away must not hold us for ever
	w.rtmp.Wait()
	w.wg.Wait()
	stopKeeping()
	keeping.Wait()
	timer.Stop()
	w.kill()
	return nil
}

// cutRevoked ends the publishers whose key is gone.
func (w *Worker) cutRevoked() {
	for _, s := range w.publishers.list() {
		if !w.keys.Has(s.keyID) {
			s.revoked.Store(true)
			s.cut(errRevoked)
		}
	}
}
