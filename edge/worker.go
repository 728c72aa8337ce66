// Package edge serves the parts log as HLS over HTTP: multivariant and media
// playlists with low latency, parts, segments and pictures (HLS.md).
//
//	parts log -> follower -> hls (views) -> list (written once) -> directive (waits) -> handler -> viewer
//
// An edge keeps nothing that matters. A list is a function of the log up to
// one message and of the request's directives, so all edges answer alike,
// also one that just started.
package edge

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/edge/hls"
	"github.com/helios-h2020/pse/edge/http1"
	"github.com/helios-h2020/pse/edge/reply"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// hlsRoot is where streams are mounted.
const hlsRoot = "/hls/"

// tick is how often viewers are counted and told to the other edges.
const tick = 2 * time.Second

// Worker is the edge.
type Worker struct {
	cfg     Config
	bus     *bus.Bus
	log     *zap.Logger
	dir     *directory
	cache   *cache
	crowd   *crowd
	poster  *pictures
	metrics *metrics
	raw     *http1.Server

	mediaAge reply.Cache
	seed     maphash.Seed // of viewers' hashes

	ctx    context.Context // ends with Run
	cancel context.CancelFunc
	wg     sync.WaitGroup // the followers
}

// New makes an edge. It serves what Routes mounts while Run runs.
func New(cfg Config, b *bus.Bus, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the edge: %w", err)
	}
	w := &Worker{cfg: cfg, bus: b, log: log, dir: newDirectory(), crowd: newCrowd(), poster: newPictures(b.Poster), seed: maphash.MakeSeed()}
	w.mediaAge = reply.Immutable(2 * cfg.DVR)
	w.raw = http1.New(hlsRoot, w.rawAnswer, log)
	w.cache = newCache(cfg.CacheMiB<<20, b.GetPart)
	w.metrics = newMetrics(w)
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// Routes mounts the streams and the API about them.
func (w *Worker) Routes(mux *http.ServeMux) {
	mux.HandleFunc(hlsRoot, w.serveHLS)
	mux.HandleFunc("GET /api/streams", w.serveStreams)
	mux.HandleFunc("GET /api/streams/{name}", w.serveStream)
}

// Run serves until ctx ends.
func (w *Worker) Run(ctx context.Context) error {
	defer w.wg.Wait()
	defer w.raw.Stop()
	defer w.cancel()
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() { _ = w.bus.WatchLive(ctx, w.dir.set) })
	watch.Go(func() { _ = w.bus.WatchViewers(ctx, w.crowd.set) })

	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-t.C:
			w.dropIdle(now)
			w.tellViewers(now)
		}
	}
}

// Ready is nil while there is something to serve: also when the bus is away, for
// as long as viewers have not seen all that came before.
func (w *Worker) Ready() error {
	err := w.Degraded()
	if err != nil && !w.cutOff() && w.dir.serves() {
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

// cutAfter is how long a bus that is away may be back with what viewers wait for:
// as long as a blocked answer of 4 s segments is held.
const cutAfter = hls.HoldTargets * 4 * time.Second

// cutOff says that this edge does not know what goes on: it must not claim that
// anything is live, so that players and proxies turn to another.
func (w *Worker) cutOff() bool { return w.bus.AwayFor() > cutAfter }

// Collectors are the edge's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
