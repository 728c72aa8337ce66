// Package transfer moves files: tus uploads that can be resumed, and downloads
// with ranges, also of files that are still being sent.
//
//	sender   -> middleware -> tusd's handler -> tus -> uploads -> store.Writer
//	receiver -> middleware -> downloads -> store.Content
//	page     -> api -> uploads, store
//	time     -> reconciler, hasher, rechecker -> uploads, store
//
// tusd's handler speaks the protocol (tus 1.0 and the IETF draft to interop version 6; of 7 and
// 8 draft makes 6). uploads are what
// happens to an upload: quota (package quota), hooks (approval, package filehook),
// locks, bytes, completion, removal. Files are in a store (package store): in a folder,
// or in a bucket of an S3-compatible server. Which file of the package may use which
// other is held by internal/housetest.
//
// # URLs
//
// POST /files/ creates an upload. It needs a key (Authorization: Bearer KEY, or
// ?key=KEY), unless the worker is open; then any token of 16 letters or more
// names its owner. Location is /files/NAME-KEY, with scheme and host where a trusted proxy
// says them: with it a client may send (PATCH),
// ask for the offset (HEAD with Tus-Resumable) and delete. Upload-Read-Link is
// /files/NAME-OTHER: with it a client may read (GET, HEAD, ranges), and no more.
// A file that is still being sent is followed to its end; with ?follow=0 or
// "Prefer: wait=0" the answer is 409 instead. ?download has a browser save what
// it would show. Types that browsers could run are never shown.
//
// # API for pages
//
// Answers are JSON; those that are not 2xx are {"error": for people, "code": for
// programs}. {id} is NAME-KEY of the upload's own URL, or NAME with the owner's
// key in Authorization. Times are unix ms, and are left out when there is none.
//
//	GET    /api/files                    {"files": [file], "next": cursor} of the owner in Authorization, the newest first;
//	                                     with ?limit=N at most so many (and 1,000) of them, and next if there are more, which
//	                                     ?after=CURSOR gives. An ETag says what it is: If-None-Match is answered 304, with
//	                                     ?wait=S after so many seconds (25 at most) in which it does not change
//	GET    /api/files/{id}               file; also by NAME-OTHER of a link, then without upload_url and links;
//	                                     expires_at is then when file or link ends, whichever is first
//	DELETE /api/files/{id}               204
//	POST   /api/files/{id}/links         {"expires_in": seconds (0: never), "label": ""} makes a link: 201 link
//	DELETE /api/files/{id}/links/{key}   204; the link is revoked
//
//	file: upload (NAME), name, type, inline (browsers show it), size (-1: not known yet), offset, complete, corrupt, partial (of a
//	      final upload that is not concatenated yet: it has no links), sha256
//	      (some time after complete), created_at, completed_at, expires_at, url (to read; a path; of the
//	      link that lasts longest), upload_url, links (also those that have ended, until they are deleted)
//	link: key, url (a path), label, created_at, expires_at
//
// # Promised
//
//   - Acknowledged bytes are in the journal: they outlive the process; and with
//     Config.Sync the machine.
//   - A complete file is what was sent, checked when it was opened again after a
//     crash; upload.completed is then published, at least once, with its SHA-256.
//   - Of a chunk with a wrong checksum nothing is kept.
//   - Two workers never write to one upload at once, whatever happens to workers, bus
//     and clocks, on file systems with working locks (flock); in a bucket on servers
//     that honour If-Match on writes.
//   - In a bucket acknowledged bytes are stored by the server, which has checked them
//     by the SHA-256 that they were sent with.
//   - A slow receiver delays neither the sender nor other receivers.
//
// # Not promised
//
// That quotas are exact over several workers on one store: each learns of the
// others' files within a minute. That a receiver that follows an upload gets an end
// when the upload is removed: its connection is closed. That a file in a bucket can
// be followed while it is being sent: the answer is 409.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
	"github.com/helios-h2020/pse/transfer/quota"
)

// Worker is a file transfer worker.
type Worker struct {
	cfg        Config
	bus        *bus.Bus
	log        *zap.Logger
	store      *store.Store
	metrics    *metrics
	locks      *uploadLocks
	ledger     *quota.Ledger
	hooks      *filehook.Dir
	rights     *rights
	facts      *facts
	hasher     *hasher
	retries    *retryQueue
	uploads    *uploads
	reconciler *reconciler
	estate     *estate
	http       *middleware
	api        *api

	stopping context.Context // ends when the worker is to stop: requests release what they hold
	stop     context.CancelFunc
}

// New makes a worker and opens its store, in cfg.Dir or the bucket cfg.S3. What Routes
// mounts is served while Run runs. keys says which senders are admitted.
func New(cfg Config, b *bus.Bus, keys *access.Keys, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure file transfer: %w", err)
	}
	backend, err := openBackend(cfg, log)
	if err != nil {
		return nil, err
	}
	return newWorker(cfg, store.New(backend, time.Now), b, keys, log)
}

// newWorker makes one of a store, which it closes also when it fails.
func newWorker(cfg Config, s *store.Store, b *bus.Bus, keys *access.Keys, log *zap.Logger) (*Worker, error) {
	w := &Worker{cfg: cfg, bus: b, log: log, store: s, retries: &retryQueue{}}
	w.ledger = quota.NewLedger(quota.Limits{Owner: cfg.OwnerQuota, Total: cfg.TotalQuota, Files: cfg.MaxFiles})
	w.metrics = newMetrics(w.ledger)
	w.stopping, w.stop = context.WithCancel(context.Background())
	var err error
	if w.hooks, err = filehook.Open(w.stopping, cfg.HooksDir, max(cfg.Complete.Timeout, time.Second), s.Location, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	w.facts = newFacts(s, b, log)
	w.uploads = &uploads{
		bus: b, store: s, ledger: w.ledger, hooks: w.hooks, partials: newPartials(s), facts: w.facts, retries: w.retries, metrics: w.metrics, log: log,
		approval: &approval{stopping: w.stopping, bus: b, store: s, upload: cfg.Upload, complete: cfg.Complete, dir: w.hooks, metrics: w.metrics, log: log},
		maxSize:  cfg.MaxSize, stall: cfg.StallTimeout, stopping: w.stopping,
	}
	w.locks = newUploadLocks(s, w.uploads.prepare, log)
	w.uploads.locks = w.locks
	w.rights = &rights{keys: keys, store: s, locks: w.locks, open: cfg.Open, byUploadURL: cfg.GetByUploadURL}
	w.hasher = newHasher(s, w.locks, w.facts, w.retries, log)
	w.facts.hash = w.hasher.ask
	w.reconciler = &reconciler{
		store: s, locks: w.locks, ledger: w.ledger, uploads: w.uploads, partials: w.uploads.partials, facts: w.facts, retries: w.retries, log: log,
		incompleteFor: cfg.IncompleteFor, keep: cfg.Keep, stall: cfg.StallTimeout,
	}
	w.estate = &estate{bus: b, store: s, locks: w.locks, ledger: w.ledger, uploads: w.uploads, ready: w.Ready, log: log}
	if err := w.newHandlers(); err != nil {
		return nil, errors.Join(fmt.Errorf("configure file transfer: %w", err), s.Close())
	}
	return w, nil
}

// newHandlers makes the HTTP handlers.
func (w *Worker) newHandlers() error {
	t, err := newTus(&tus{store: w.store, rights: w.rights, locks: w.locks, uploads: w.uploads, retries: w.retries}, w.cfg, w.log)
	if err != nil {
		return err
	}
	d := &downloads{
		rights: w.rights, store: w.store, wait: w.cfg.FollowWait, count: w.metrics.downloads,
		follow: w.cfg.Follow && w.cfg.S3.Bucket == "" && !w.cfg.Complete.Required,
	}
	w.http = &middleware{
		tus: t, rights: w.rights, downloads: d, store: w.store, log: w.log,
		maxSize: w.cfg.MaxSize, incompleteFor: w.cfg.IncompleteFor, stall: w.cfg.StallTimeout, stopping: w.stopping,
	}
	files := &describer{w.store, w.cfg.IncompleteFor, w.cfg.Keep}
	w.api = &api{
		rights: w.rights, store: w.store, ledger: w.ledger, uploads: w.uploads, describer: files,
		cards: newCards(files, w.uploads.partials.isUsed), stall: w.cfg.StallTimeout, stopping: w.stopping,
	}
	w.reconciler.forget, w.uploads.noteMade = w.api.cards.forgetOthers, w.api.cards.noteMade
	return nil
}

// Routes mounts /files/ and /api/files. Call it once, before Run.
func (w *Worker) Routes(mux *http.ServeMux) {
	mux.Handle(filesRoot, w.http)
	w.api.routes(mux)
}

// Run serves until ctx ends, then interrupts requests, and closes the store. The error
// says what could not be begun; afterwards the store is closed too.
func (w *Worker) Run(ctx context.Context) error {
	leases, unshare, err := w.share(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return w.store.Close()
		}
		return errors.Join(fmt.Errorf("serve files: %w", err), w.store.Close())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	w.work(run, &wg)
	wg.Go(func() {
		for {
			select {
			case <-leases.Freed(): // locks poll for a lease anyway
			case <-run.Done():
				return
			}
		}
	})
	<-ctx.Done()
	w.stop()
	cancel()
	wg.Wait()
	unshare()
	w.hooks.Wait()
	w.locks.close()
	leases.Close()
	return w.store.Close()
}

// share has other workers learn which uploads are locked here, and answers them until
// unshare.
func (w *Worker) share(ctx context.Context) (leases *bus.Leases, unshare func(), err error) {
	if leases, err = w.bus.Leases(ctx); err != nil {
		return nil, nil, err
	}
	w.locks.share(w.bus, leases)
	stopRelease, err := w.bus.ServeDirect(endpointRelease, func(_ context.Context, q bus.Direct) []byte {
		w.locks.handOver(string(q.Data))
		return nil
	})
	if err != nil {
		leases.Close()
		return nil, nil, err
	}
	stopMoved, err := w.bus.ServeDirect(endpointMoved, w.estate.onMoved)
	if err != nil {
		stopRelease()
		leases.Close()
		return nil, nil, err
	}
	return leases, func() { stopRelease(); stopMoved() }, nil
}

// work starts what runs beside requests, until ctx ends.
func (w *Worker) work(ctx context.Context, wg *sync.WaitGroup) {
	w.watchKeys(ctx, wg)
	wg.Go(func() { w.facts.run(ctx) })
	wg.Go(func() { w.hasher.run(ctx) })
	wg.Go(func() { w.reconciler.run(ctx) })
	wg.Go(func() { w.retries.run(ctx, w.reconciler.retry) })
	if w.cfg.Recheck > 0 && w.cfg.S3.Bucket == "" {
		c := &rechecker{
			store: w.store, locks: w.locks, facts: w.facts, log: w.log,
			every: w.cfg.Recheck, pace: rate.NewLimiter(rate.Limit(w.cfg.RecheckRate), store.CopySize),
		}
		wg.Go(func() { c.run(ctx) })
	}
}

// watchKeys ends requests whose key is revoked, until ctx ends.
func (w *Worker) watchKeys(ctx context.Context, wg *sync.WaitGroup) {
	changed := make(chan struct{}, 1)
	unwatch := w.rights.keys.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	wg.Go(func() {
		defer unwatch()
		for {
			select {
			case <-changed:
				w.locks.handOverRevoked(w.rights.isValid)
			case <-ctx.Done():
				return
			}
		}
	})
}

// Announce registers the worker as a NATS micro service of a version, and answers
// bus.EndpointEstate: what is to become of a key's files.
func (w *Worker) Announce(version string) error {
	_, err := w.bus.Serve(bus.WorkerTransfer, version, bus.Handle(bus.EndpointEstate, w.estate.answer))
	return err
}

// Ready is nil when the whole store has been listed once.
func (w *Worker) Ready() error {
	if !w.reconciler.ran.Load() {
		return errors.New("transfer: the store is still being listed; wait a moment")
	}
	return nil
}

// Collectors are the metrics of file transfer, to be registered once.
func (w *Worker) Collectors() []prometheus.Collector { return w.metrics.all() }
