// Package transfer moves files: tus uploads that can be resumed, and downloads
// with ranges, also of files that are still being sent.
//
//	sender -> front -> tusd's handler -> tus -> holds -> writer -> data, journal
//	receiver -> front -> download | follow -> data
//
// tusd's handler speaks the protocol (tus 1.0 and the IETF draft); the store,
// the locks and the downloads are ours.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Worker is a file transfer worker.
type Worker struct {
	cfg     Config
	bus     *bus.Bus
	keys    keyring
	log     *zap.Logger
	store   *store
	feeds   *feeds
	holds   *holds
	ledger  *ledger
	facts   *facts
	hasher  *hasher
	metrics *metrics
	front   *front
	buffers sync.Pool // of *[]byte, copySize long

	stopping context.Context // ends when the worker is to stop: requests let go
	stop     context.CancelFunc
	swept    atomic.Bool // the store was looked through once
}

// New makes a worker and opens its store, in cfg.Dir. It serves what Routes
// mounts while Run runs. keys are asked about senders.
func New(cfg Config, b *bus.Bus, keys *access.Keys, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure file transfer: %w", err)
	}
	s, err := openStore(cfg.Dir, cfg.Sync)
	if err != nil {
		return nil, err
	}
	w := &Worker{cfg: cfg, bus: b, keys: keys, log: log, store: s, feeds: newFeeds(), ledger: newLedger(cfg)}
	w.buffers.New = func() any { b := make([]byte, copySize); return &b }
	w.metrics = newMetrics(w.ledger)
	w.stopping, w.stop = context.WithCancel(context.Background())
	w.holds = newHolds(s, w.feeds, w.opened, log)
	w.facts, w.hasher = newFacts(s, b, log), newHasher(w)
	w.facts.hash = w.hasher.ask
	proxies, err := prefixes(cfg.TrustedProxies)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	t, err := newTus(w)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("configure file transfer: %w", err), s.close())
	}
	w.front = &front{w: w, tus: t, proxies: proxies}
	return w, nil
}

// Routes mounts the files.
func (w *Worker) Routes(mux *http.ServeMux) {
	mux.Handle(filesRoot, w.front)
}

// Run serves until ctx ends, then has requests let go of what they hold.
func (w *Worker) Run(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	leases, err := w.bus.Leases(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return w.store.close()
		}
		return errors.Join(fmt.Errorf("serve files: %w", err), w.store.close())
	}
	w.holds.share(w.bus, leases)
	unask, err := w.bus.AnswerDirect(askLetGo, func(_ context.Context, q bus.Direct) []byte {
		w.holds.giveUp(string(q.Data))
		return nil
	})
	if err != nil {
		leases.Close()
		return errors.Join(fmt.Errorf("serve files: %w", err), w.store.close())
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.facts.run(run) })
	wg.Go(func() { w.hasher.run(run) })
	wg.Go(func() { w.sweeper(run) })
	wg.Go(func() {
		for {
			select {
			case <-leases.Freed(): // who wants one tries again anyway
			case <-run.Done():
				return
			}
		}
	})
	<-ctx.Done()
	w.stop()
	cancel()
	wg.Wait()
	unask()
	w.holds.close()
	leases.Close()
	return w.store.close()
}

// Ready is nil when the store has been looked through.
func (w *Worker) Ready() error {
	if !w.swept.Load() {
		return errors.New("transfer: the store is still being looked through; wait a moment")
	}
	return nil
}

// Collectors are the metrics of file transfer.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
