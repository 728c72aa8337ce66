package transfer

import (
	"context"
	"errors"
	"io"
	"sync"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
)

// hasher computes the SHA-256 of complete files, one at a time and beside the requests:
// what has just come is still in the page cache.
type hasher struct {
	store   *store.Store
	locks   *uploadLocks
	facts   *facts
	retries *retryQueue
	log     *zap.Logger

	mu    sync.Mutex // guards what follows
	queue []string
	asked map[string]bool
	more  chan struct{}
}

func newHasher(s *store.Store, l *uploadLocks, f *facts, retries *retryQueue, log *zap.Logger) *hasher {
	return &hasher{store: s, locks: l, facts: f, retries: retries, log: log, asked: map[string]bool{}, more: make(chan struct{}, 1)}
}

// ask has a file's hash computed soon.
func (h *hasher) ask(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked[name] {
		return
	}
	h.asked[name] = true
	h.queue = append(h.queue, name)
	select {
	case h.more <- struct{}{}:
	default:
	}
}

func (h *hasher) next() (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return "", false
	}
	name := h.queue[0]
	h.queue = h.queue[1:]
	return name, true
}

func (h *hasher) done(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.asked, name)
}

// run computes hashes until ctx ends.
func (h *hasher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.more:
		}
		for name, ok := h.next(); ok && ctx.Err() == nil; name, ok = h.next() {
			err := h.hash(ctx, name)
			h.done(name)
			switch {
			case err == nil:
				h.facts.wake(name)
			case ctx.Err() == nil && !errors.Is(err, store.ErrNotFound):
				h.log.Debug("a file has no hash yet", zap.String("upload", name), zap.Error(err))
				h.retries.put(name)
			}
		}
	}
}

// hash computes a file's hash and stores it, if the data agrees with the journal.
func (h *hasher) hash(ctx context.Context, name string) error {
	i, err := h.store.Info(name)
	if err != nil {
		return err
	}
	sum, n, err := h.store.Hash(i, func(r io.Reader) io.Reader { return contextReader{ctx, r} })
	if err != nil {
		return err
	}
	sound, err := h.store.Verify(i)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, bus.LeaseTimeout)
	defer cancel()
	wr, err := h.locks.acquire(short, name, nil)
	if err != nil {
		return err
	}
	defer h.locks.release(name)
	if !wr.Info().Complete() || wr.Info().SHA256 != "" || n != wr.Info().Size {
		return nil
	}
	if sound != n {
		return noteDamage(h.log, wr, sound)
	}
	return wr.Change(func(i *store.Info) { i.SHA256 = sum })
}

// noteDamage records that a complete file is not what was sent from an offset on.
func noteDamage(log *zap.Logger, wr *writer, sound int64) error {
	log.Error("a file is damaged on the disk", zap.String("upload", wr.Info().Name), zap.Int64("offset", sound))
	return wr.NoteDamage(sound)
}
