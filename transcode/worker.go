// Package transcode turns the media log into the parts log: for each stream
// one worker, the holder of its lease, cuts the source into CMAF parts, has
// ffmpeg encode the smaller renditions, and publishes every part fenced.
//
//	media log -> job -> timeline -> fanOut -> { rendition (source) | ladder -> ffmpeg -> rendition } -> cmaf -> parts log
//
// The work is a fold over the log. A worker that dies leaves with each part
// what the next one needs, which makes the same numbers from there on. Calls
// run down through the files; internal/housetest has the order.
package transcode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
)

// Back-off between the attempts of a job that fails.
const (
	retryFirst = 100 * time.Millisecond
	retryMax   = 5 * time.Second
)

// sweepEvery is how often streams without a lease are looked for; watches find them sooner.
const sweepEvery = 500 * time.Millisecond

// passAfter is how long a stream waits for somebody who can encode it.
const passAfter = 2 * time.Second

// Worker transcodes streams whose lease it gets.
type Worker struct {
	shared
	log    *zap.Logger
	leases *bus.Leases

	mu               sync.Mutex // guards below
	records          map[string]*bus.StreamRecord
	jobs             map[string]*job
	backoff          map[string]time.Duration // back-off of streams whose job failed
	resting          map[string]string        // sessions whose job failed and is not to be begun yet, by sid
	finishedSessions map[string]string        // sessions that are finished, by sid
	wg               sync.WaitGroup
}

// New checks the configuration and begins to watch the leases.
func New(cfg Config, b *bus.Bus, log *zap.Logger) (*Worker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	leases, err := b.Leases(ctx)
	if err != nil {
		return nil, fmt.Errorf("start transcode: %w", err)
	}
	w := &Worker{
		shared: shared{b: b, m: newMetrics(), opts: cfg.ffmpegOptions(), slots: newSlots(cfg.Slots), decoders: &decoders{opts: cfg.ffmpegOptions()}, pictures: make(chan struct{}, 1)},
		log:    log, leases: leases,
		records: map[string]*bus.StreamRecord{}, jobs: map[string]*job{}, backoff: map[string]time.Duration{}, resting: map[string]string{}, finishedSessions: map[string]string{},
	}
	return w, nil
}

// Routes adds nothing: the worker has no HTTP.
func (w *Worker) Routes(*http.ServeMux) {}

// Ready is nil when the worker can take streams.
func (w *Worker) Ready() error {
	if !w.b.Connected() {
		return errors.New("transcode: the bus cannot be reached")
	}
	if _, err := exec.LookPath(w.opts.Program); err != nil {
		return fmt.Errorf("transcode: %w; install ffmpeg or set transcode.ffmpeg: until then streams only pass through", err)
	}
	return nil
}

// Collectors are the worker's metrics.
func (w *Worker) Collectors() []prometheus.Collector { return w.m.collectors() }

// Announce has others find this worker, and ask it what it decodes, until its bus is
// closed. version is like 1.2.3.
func (w *Worker) Announce(version string) error {
	_, err := w.b.Serve(bus.WorkerTranscode, version, bus.Handle(bus.EndpointDecoders, w.decoders.answer))
	return err
}

// Run takes streams until ctx ends, then stops its jobs and gives up its leases.
func (w *Worker) Run(ctx context.Context) error {
	defer w.leases.Close()
	defer w.wg.Wait()
	w.wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case sid := <-w.leases.Freed():
				w.tryStart(ctx, sid)
			}
		}
	})
	w.wg.Go(func() { w.sweep(ctx) })
	err := w.b.WatchStreamRecords(ctx, func(l *bus.StreamRecord) { w.onRecord(ctx, l) })
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("transcode: %w", err)
}

// sweep starts, now and then, what the watches missed: streams without a lease.
func (w *Worker) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var idle []string
		w.mu.Lock()
		for sid, l := range w.records {
			if w.jobs[sid] == nil && w.finishedSessions[sid] != l.Session {
				idle = append(idle, sid)
			}
		}
		w.mu.Unlock()
		for _, sid := range idle {
			if _, _, held := w.leases.Holder(sid); !held {
				w.tryStart(ctx, sid)
			}
		}
	}
}

// onRecord takes a stream's record as it is now.
func (w *Worker) onRecord(ctx context.Context, l *bus.StreamRecord) {
	w.mu.Lock()
	if l.State == "" {
		delete(w.records, l.SID)
		delete(w.finishedSessions, l.SID)
		delete(w.resting, l.SID)
	} else {
		w.records[l.SID] = l
	}
	j := w.jobs[l.SID]
	w.mu.Unlock()
	switch {
	case j != nil && l.State != "":
		j.update(l)
	case j == nil && l.State != "":
		w.tryStart(ctx, l.SID)
	}
}

// tryStart starts a job for a stream that needs one and has none here, under its lease.
func (w *Worker) tryStart(ctx context.Context, sid string) {
	w.mu.Lock()
	l := w.records[sid]
	if l == nil || w.jobs[sid] != nil || w.finishedSessions[sid] == l.Session || w.resting[sid] == l.Session || ctx.Err() != nil {
		w.mu.Unlock()
		return
	}
	j := newJob(w.shared, w.log, l)
	w.jobs[sid] = j
	w.wg.Add(1)
	w.mu.Unlock()
	go func() {
		defer w.wg.Done()
		err := w.runWithLease(ctx, j)
		w.mu.Lock()
		delete(w.jobs, sid)
		wait := time.Duration(0)
		changed := w.records[sid] != nil && w.records[sid].Session != j.session
		switch {
		case errors.Is(err, errFinished):
			w.finishedSessions[sid] = j.session
			delete(w.backoff, sid)
		case errors.Is(err, bus.ErrHeld) || ctx.Err() != nil:
			delete(w.backoff, sid)
		case errors.Is(err, errReplaced):
			changed = true
		default:
			wait = min(max(2*w.backoff[sid], retryFirst), retryMax)
			w.backoff[sid], w.resting[sid] = wait, j.session
		}
		w.mu.Unlock()
		if wait > 0 {
			w.m.restarts.Inc()
			j.log.Warn("transcoding failed, trying again", zap.Duration("after", wait), zap.Error(err))
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			w.mu.Lock()
			if w.resting[sid] == j.session {
				delete(w.resting, sid)
			}
			w.mu.Unlock()
		}
		if changed || wait > 0 {
			w.tryStart(ctx, sid)
		}
	}()
}

// runWithLease runs a job under its lease.
func (w *Worker) runWithLease(ctx context.Context, j *job) error {
	if done, err := j.finished(ctx); err != nil {
		return err
	} else if done {
		return errFinished
	}
	if err := w.deferToPeers(ctx, j); err != nil {
		return err
	}
	lease, err := w.leases.TryAcquire(ctx, j.sid, nil)
	if err != nil {
		return err
	}
	defer func() {
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := lease.Release(rctx); err != nil {
			j.log.Warn("lease not released, it times out", zap.Error(err))
		}
	}()
	jctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	w.wg.Go(func() {
		select {
		case <-lease.Lost():
			cancel()
		case <-stop:
		}
	})
	w.m.jobs.Inc()
	defer w.m.jobs.Dec()
	j.log.Info("transcoding")
	err = j.run(jctx)
	switch {
	case errors.Is(err, errFinished):
		j.log.Info("stream finished")
	case ctx.Err() == nil && jctx.Err() != nil:
		return fmt.Errorf("lease of %s: %w", j.sid, bus.ErrLost)
	}
	return err
}

// deferToPeers gives workers with a free slot time to take a stream that this
// one could only pass through.
func (w *Worker) deferToPeers(ctx context.Context, j *job) error {
	live := j.record()
	if w.decoders.can(ctx, live.VideoCodec) && w.slots.hasRoom(cost(profileOf(live.App), live.VideoCodec, live.Width, live.Height, live.FPS)) {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(passAfter):
		return nil
	}
}
