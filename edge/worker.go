// Package edge serves the parts log as HLS over HTTP: multivariant and media
// playlists with low latency, parts, segments and pictures (RFC 8216bis).
//
// A request goes down through its rooms, each of which knows only such as come after it:
//
//	http1 or net/http -> handler -> stream (waits, finds) -> hls (what is listed) -> reply
//
// and a part comes in by stream's follower. reply is written by whichever of
// the two read the request.
//
// An edge keeps nothing that matters. A list is a function of the log up to
// one message and of the request's directives, so all edges answer alike,
// also one that just started.
package edge

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/http1"
	"github.com/helios-h2020/pse/edge/reply"
	"github.com/helios-h2020/pse/edge/stream"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Worker is the edge.
type Worker struct {
	bus     *bus.Bus
	log     *zap.Logger
	dir     *stream.Directory
	viewers *viewerTotals
	metrics *metrics
	handler *handler
	api     *api

	cancel context.CancelFunc // of all requests
}

// New makes an edge. It serves what Routes mounts while Run runs.
func New(cfg Config, b *bus.Bus, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the edge: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	dir := stream.NewDirectory(ctx, stream.Config{
		DVR: cfg.DVR, HoldBack: cfg.HoldBack, CacheBytes: cfg.CacheMiB << 20, PinExtra: cfg.PinExtra,
		IdleAfter: cfg.IdleAfter, StartWait: cfg.StartWait, MaxViewers: cfg.MaxViewers,
	}, b, log)
	w := &Worker{bus: b, log: log, dir: dir, viewers: newViewerTotals(), metrics: newMetrics(dir), cancel: cancel}
	pictures, errors := stream.NewPictures(b.Poster), newStatusErrors(w.metrics.countError)
	w.handler = &handler{
		ctx: ctx, dir: dir, pictures: pictures, errors: errors, metrics: w.metrics,
		mediaAge: reply.Immutable(2 * cfg.DVR), hasher: newHasher(),
	}
	w.handler.raw = http1.New(hlsRoot, w.handler.rawAnswer, log)
	w.api = &api{ctx: ctx, dir: dir, pictures: pictures, viewers: w.viewers, errors: errors, startWait: cfg.StartWait}
	return w, nil
}

// Routes mounts the streams and the API about them.
func (w *Worker) Routes(mux *http.ServeMux) {
	mux.HandleFunc(hlsRoot, w.handler.serveHLS)
	mux.HandleFunc("GET /api/streams", w.api.serveStreams)
	mux.HandleFunc("GET /api/streams/{name}", w.api.serveStream)
}

// Run serves until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	defer w.dir.Wait()
	defer w.handler.raw.Stop()
	defer w.cancel()
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { _ = w.bus.WatchStreamRecords(ctx, w.dir.Set) })
	watch.Go(func() { _ = w.bus.WatchViewers(ctx, w.viewers.set) })

	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			w.dir.DropIdle(now)
			w.tellViewers(now)
		}
	}
}

// tellViewers counts, and tells all edges, this one too.
func (w *Worker) tellViewers(now time.Time) {
	counts := w.dir.Viewers(now)
	if err := w.bus.BroadcastViewers(counts); err != nil {
		w.log.Debug("cannot tell the other edges how many watch", zap.Error(err))
	}
	w.viewers.set(w.bus.ID(), counts)
}

// Ready is nil while there is something to serve: also when the bus is away, for
// as long as viewers have not seen all that came before.
func (w *Worker) Ready() error {
	err := w.Degraded()
	if err != nil && !w.dir.CutOff() && w.dir.Serves() {
		return nil
	}
	return err
}

// Degraded is nil while the bus can be reached.
func (w *Worker) Degraded() error {
	if !w.bus.Connected() {
		return fmt.Errorf("edge: the bus cannot be reached; is its address right, and does it run?")
	}
	return nil
}

// Collectors are the edge's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
