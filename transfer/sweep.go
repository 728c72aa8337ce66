package transfer

import (
	"context"
	"errors"
	"maps"
	"path"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

const (
	sweepEvery = time.Minute
	sweepSoon  = 10 * time.Second // after one that failed
)

// sweeper looks after all uploads from time to time, at first when it starts:
// what a crash left half done is done, what is too old goes, and what other
// workers did is learnt.
func (w *Worker) sweeper(ctx context.Context) {
	for next := sweepEvery; ; next = sweepEvery {
		if err := w.sweep(ctx); err != nil && ctx.Err() == nil {
			next = sweepSoon
			w.log.Error("the store of files cannot be looked through", zap.Error(err))
		} else if err == nil {
			w.swept.Store(true)
		}
		if !sleep.For(ctx, next) {
			return
		}
	}
}

func (w *Worker) sweep(ctx context.Context) error {
	before, there := w.ledger.Known(), map[string]bool{} // what comes later is not missed
	names, err := w.store.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(before, name)
		there[name] = true
	}
	if err := w.store.Each(ctx, names, func(name string) {
		if at, ok := w.done.get(name); !ok || w.cfg.Keep > 0 && w.store.Now().Sub(time.UnixMilli(at)) > w.cfg.Keep {
			w.lookAfter(ctx, name)
		}
	}); err != nil {
		return err
	}
	for name := range w.partials.suspects() {
		if err := w.locks.withIdle(ctx, name, w.removeOutdated); w.failed(ctx, name, err) {
			w.retries.put(name)
		}
	}
	w.done.keep(there)
	for name := range before {
		w.ledger.Absent(name)
	}
	w.ledger.Listed()
	w.partials.forget(w.store.Now().Add(-2 * w.cfg.IncompleteFor))
	return w.sweepAside(ctx)
}

// sweepAside tells of what was removed or set aside and is not told of yet.
func (w *Worker) sweepAside(ctx context.Context) error {
	removed, err := w.store.List(store.DirRemoved)
	if err != nil {
		return err
	}
	for _, name := range removed {
		w.facts.wake(name)
	}
	damaged, err := w.store.List(store.DirDamaged)
	if err != nil {
		return err
	}
	for _, name := range damaged {
		if err := w.facts.tellDamaged(ctx, name); err != nil {
			w.log.Warn("a damaged upload is told of later", zap.String("upload", name), zap.Error(err))
		}
	}
	return nil
}

// lookAfter is look, again later when it cannot be done now.
func (w *Worker) lookAfter(ctx context.Context, name string) {
	if w.failed(ctx, name, w.look(ctx, name)) {
		w.retries.put(name)
	}
}

// lookAgain looks after an upload of the retry queue, and says whether that is to be
// done again.
func (w *Worker) lookAgain(ctx context.Context, name string) bool {
	err := w.look(ctx, name)
	if err == nil {
		err = w.complete(ctx, name)
	}
	return w.failed(ctx, name, err)
}

// failed says whether looking after an upload may do better later.
func (w *Worker) failed(ctx context.Context, name string, err error) bool {
	switch {
	case err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil:
		return false
	case errors.Is(err, store.ErrBusy) || asStatusError(err).code == errUnchecked.code:
		return true
	}
	w.log.Warn("an upload cannot be looked after", zap.String("upload", name), zap.Error(err))
	return false
}

// complete makes a file of an upload whose bytes are all there, if it is none
// yet. It may wait for hooks.
func (w *Worker) complete(ctx context.Context, name string) error {
	i, err := w.store.Info(name)
	if err != nil || i.Complete() {
		return err
	}
	if offset, err := w.store.Offset(i); err != nil || offset != i.Size {
		return err
	}
	err = w.locks.withIdle(ctx, name, func(wr *writer) error {
		if !wr.Whole() {
			return nil
		}
		return w.uploads.finish(wr)
	})
	if err != nil && asStatusError(err).code == codeRefused {
		return nil // it is gone
	}
	return err
}

// doneUploads are files with which nothing is left to do, and when they were
// completed.
type doneUploads struct {
	mu sync.Mutex // guards what follows
	at map[string]int64
}

func (s *doneUploads) put(name string, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]int64{}
	}
	s.at[name] = at
}

func (s *doneUploads) get(name string) (at int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok = s.at[name]
	return at, ok
}

// keep forgets those that are not there.
func (s *doneUploads) keep(there map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.at, func(name string, _ int64) bool { return !there[name] })
}

// look looks after one upload.
func (w *Worker) look(ctx context.Context, name string) error {
	i, err := w.store.Info(name)
	if errors.Is(err, store.ErrNoInfo) {
		return w.setAside(name)
	}
	if errors.Is(err, store.ErrNotFound) {
		w.facts.wake(name) // it may be removed, and not told of
	}
	if err != nil {
		return err
	}
	touched, err := w.store.LastWrite(i)
	if err != nil {
		return err
	}
	offset, err := w.store.Offset(i)
	if err != nil {
		return err
	}
	w.ledger.Learn(name, i.Owner, max(i.Size, offset))
	if i.Partial {
		w.partials.touch(i.Owner, touched)
	}
	switch old := w.outdated(i, offset, touched); {
	case old && i.Partial && !w.partials.mayGo(name):
		w.partials.suspect(name)
	case old:
		return w.locks.withIdle(ctx, name, w.removeOutdated)
	case !i.Complete() && !w.swept.Load():
		// At the start every one that is not complete is checked, by opening it.
		return w.locks.withIdle(ctx, name, func(wr *writer) error {
			w.facts.wake(name)
			if wr.Whole() {
				w.retries.soon(name)
			}
			return nil
		})
	case !i.Complete() && offset == i.Size:
		w.retries.soon(name)
	case i.Partial: // there is nothing to tell
	case i.Complete() && !i.Corrupt && !w.store.Has(path.Join(name, markCompleted)) || !w.store.Has(path.Join(name, markCreated)) || w.store.Has(path.Join(name, store.FileLost)):
		w.facts.wake(name)
	case i.Complete():
		w.partials.use(i)
		w.done.put(name, i.Completed)
	}
	return nil
}

// outdated says that an upload has been there for too long.
func (w *Worker) outdated(i *store.Info, offset int64, touched time.Time) bool {
	now := w.store.Now()
	switch {
	case i.Partial:
		return w.partials.mayGo(i.Name) || now.Sub(w.partials.touch(i.Owner, touched)) > w.cfg.IncompleteFor
	case i.Complete():
		return w.cfg.Keep > 0 && now.Sub(i.CompletedAt()) > w.cfg.Keep
	case i.Size >= 0 && offset >= i.Size: // it waits for a hook, not for its sender
		return w.cfg.Keep > 0 && now.Sub(touched) > w.cfg.Keep
	case i.Final: // who put it together is gone, and nobody can go on with that
		return now.Sub(touched) > w.cfg.StallTimeout
	}
	return now.Sub(touched) > w.cfg.IncompleteFor
}

// removeOutdated removes an upload that is still outdated now that we hold it:
// its sender may have come back meanwhile.
func (w *Worker) removeOutdated(wr *writer) error {
	i, err := w.store.Info(wr.Info().Name)
	if err != nil {
		return err
	}
	touched, err := w.store.LastWrite(i)
	if err != nil || !w.outdated(i, wr.Offset(), touched) {
		return err
	}
	return w.uploads.remove(wr, store.RemovedByAge)
}

// setAside takes an upload without metadata out of the way.
func (w *Worker) setAside(name string) error {
	done, err := w.store.SetAside(name)
	if done {
		w.log.Error("the metadata of an upload is damaged; it is set aside in the folder "+store.DirDamaged, zap.String("upload", name))
		w.ledger.Drop(name)
	}
	return err
}
