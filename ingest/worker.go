// Package ingest takes publishers in: RTMP and RTMPS into the media log.
//
// A message goes from the socket through the listener (caps), the guard
// (deadlines), the chunk reader (limits) and the normalizer, which hands
// commands to go-rtmp and media to the session; the session's timeline gives
// it a place on the stream clock, and the recorder stores it.
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
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/internal/limit"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Worker is the ingest worker.
type Worker struct {
	cfg   Config
	bus   *bus.Bus
	media mediaLog // the bus's
	keys  *access.Keys
	log   *zap.Logger
	stats *metrics
	adobe *adobeAuth

	plain, secure *listener
	door          *limit.Door // of both
	gate          *gate
	claims        claims
	keeper        *keeper
	announcer     announcer

	ctx  context.Context // ends when Run is to end: publishers are cut off
	stop context.CancelFunc
	hard context.Context // ends when what they sent is stored, or too much time has passed
	kill context.CancelFunc
	wg   sync.WaitGroup // of sessions' ends and recorders
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
	w := &Worker{
		cfg: cfg, bus: b, media: b, keys: keys, log: log, adobe: newAdobeAuth(),
		claims: claims{all: make(map[string]*session)}, announcer: announcer{wake: make(chan struct{}, 1)},
	}
	w.gate = &gate{open: make(map[*guard]struct{})}
	w.stats = newMetrics(func() float64 { return float64(w.door.Len()) })
	w.door = limit.NewDoor(limit.DoorConfig{Most: cfg.MaxConnections, Share: cfg.MaxPerIP, Quiet: strangerQuiet, Refused: w.stats.turned.Inc})
	w.keeper = newKeeper(w)
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.hard, w.kill = context.WithCancel(context.Background())
	var err error
	if cfg.Listen != "" {
		if w.plain, err = w.listen(cfg.Listen, nil); err != nil {
			return nil, fmt.Errorf("ingest.listen: %w; is another RTMP server running?", err)
		}
	}
	if cfg.TLSListen != "" {
		if w.secure, err = w.listen(cfg.TLSListen, secure); err != nil {
			if w.plain != nil {
				_ = w.plain.Close()
			}
			return nil, fmt.Errorf("ingest.tls_listen: %w", err)
		}
	}
	return w, nil
}

func (w *Worker) listen(addr string, secure *tls.Config) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &listener{Listener: w.door.Listen(l), guard: w.guard, tls: secure}, nil
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
	return w.room()
}

// Collectors are the worker's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.stats.all }

// Run serves publishers until ctx ends. Then it cuts them off, waits until
// what they sent is stored and on record, and releases all that New took.
func (w *Worker) Run(ctx context.Context) error {
	var serving, keeping sync.WaitGroup
	keeperCtx, stopKeeper := context.WithCancel(w.hard)
	keeping.Go(func() { w.keeper.run(keeperCtx) })
	keeping.Go(func() { w.runAnnouncer(keeperCtx, w.hard) })
	unwatch := func() {}
	if !w.cfg.Open {
		unwatch = w.keys.Watch(w.cutRevoked)
	}
	var protocols []*protocol
	for _, l := range []*listener{w.plain, w.secure} {
		if l == nil {
			continue
		}
		p := newProtocol(w.newConn)
		protocols = append(protocols, p)
		serving.Go(func() { p.serve(l) })
		w.log.Info("taking publishers", zap.Stringer("addr", l.Addr()), zap.Bool("tls", l.tls != nil), zap.Bool("open", w.cfg.Open))
	}
	<-ctx.Done()
	w.stop()
	for _, p := range protocols {
		p.close()
	}
	serving.Wait()
	unwatch()
	w.gate.shutAll()
	timer := time.AfterFunc(w.cfg.SetupTimeout, w.kill) // a bus that is away must not hold us for ever
	w.gate.wg.Wait()
	w.wg.Wait()
	stopKeeper()
	keeping.Wait()
	timer.Stop()
	w.kill()
	return nil
}

// guard wraps an accepted connection.
func (w *Worker) guard(c net.Conn) net.Conn {
	g := &guard{Conn: c, idle: w.cfg.IdleTimeout, due: time.Now().Add(w.cfg.SetupTimeout), in: &w.stats.bytesIn}
	g.leave = func() { w.gate.remove(g) }
	w.gate.add(g)
	return g
}

func (w *Worker) release(s *session) { w.claims.release(s) }

// cutRevoked ends the publishers whose key is gone.
func (w *Worker) cutRevoked() {
	for _, s := range w.claims.list() {
		if !w.keys.Has(s.keyID) {
			s.banned.Store(true)
			s.cut("the stream key was revoked")
		}
	}
}
