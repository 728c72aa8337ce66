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
)

const (
	sweepEvery = time.Minute
	sweepSoon  = 10 * time.Second       // after one that failed
	idleWait   = 100 * time.Millisecond // for who has an upload, when there is only something to look at
	usedFor    = time.Hour              // parts stay so long after they were made a whole, for a sender that asks again
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
	before, there := w.ledger.known(), map[string]bool{} // what comes later is not missed
	names, err := w.store.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(before, name)
		there[name] = true
	}
	if err := w.store.each(ctx, names, func(name string) {
		if at, ok := w.settled.get(name); !ok || w.cfg.Keep > 0 && w.store.now().Sub(time.UnixMilli(at)) > w.cfg.Keep {
			w.lookAfter(ctx, name)
		}
	}); err != nil {
		return err
	}
	w.settled.keep(there)
	for name := range before {
		w.ledger.drop(name)
	}
	return w.sweepAside(ctx)
}

// sweepAside tells of what was removed or set aside and is not told of yet.
func (w *Worker) sweepAside(ctx context.Context) error {
	removed, err := w.store.list(dirRemoved)
	if err != nil {
		return err
	}
	for _, name := range removed {
		w.facts.wake(name)
	}
	damaged, err := w.store.list(dirDamaged)
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
		w.late.put(name)
	}
}

// lookLate looks after an upload that is late, and says whether that is to be
// done again.
func (w *Worker) lookLate(ctx context.Context, name string) bool {
	err := w.look(ctx, name)
	if err == nil {
		err = w.complete(ctx, name)
	}
	return w.failed(ctx, name, err)
}

// failed says whether looking after an upload may do better later.
func (w *Worker) failed(ctx context.Context, name string, err error) bool {
	switch {
	case err == nil || errors.Is(err, errNotFound) || ctx.Err() != nil:
		return false
	case errors.Is(err, errBusy) || asRefusal(err).code == errUnchecked.code:
		return true
	}
	w.log.Warn("an upload cannot be looked after", zap.String("upload", name), zap.Error(err))
	return false
}

// complete makes a file of an upload whose bytes are all there, if it is none
// yet. It may wait for hooks.
func (w *Worker) complete(ctx context.Context, name string) error {
	i, err := w.store.info(name)
	if err != nil || i.complete() {
		return err
	}
	if offset, err := w.store.offset(i); err != nil || offset != i.Size {
		return err
	}
	err = w.withIdle(ctx, name, func(wr *writer) error {
		if !wr.whole() {
			return nil
		}
		return w.finish(wr)
	})
	if err != nil && asRefusal(err).code == codeRefused {
		return nil // it is gone
	}
	return err
}

// settled are files with which nothing is left to do, and when they were
// completed.
type settled struct {
	mu sync.Mutex // guards what follows
	at map[string]int64
}

func (s *settled) put(name string, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]int64{}
	}
	s.at[name] = at
}

func (s *settled) get(name string) (at int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok = s.at[name]
	return at, ok
}

// keep forgets those that are not there.
func (s *settled) keep(there map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.at, func(name string, _ int64) bool { return !there[name] })
}

// look looks after one upload.
func (w *Worker) look(ctx context.Context, name string) error {
	i, err := w.store.info(name)
	if errors.Is(err, errNoInfo) {
		return w.setAside(name)
	}
	if errors.Is(err, errNotFound) {
		w.facts.wake(name) // it may be removed, and not told of
	}
	if err != nil {
		return err
	}
	touched, err := w.store.touched(i)
	if err != nil {
		return err
	}
	offset, err := w.store.offset(i)
	if err != nil {
		return err
	}
	w.ledger.set(name, i.Owner, max(i.Size, offset))
	now := w.store.now()
	switch {
	case i.complete() && w.cfg.Keep > 0 && now.Sub(i.completedAt()) > w.cfg.Keep,
		!i.complete() && now.Sub(touched) > w.cfg.IncompleteFor,
		i.Partial && w.usedUp(name, now):
		return w.withIdle(ctx, name, func(wr *writer) error { return w.remove(wr, removedByAge) })
	case !i.complete() && !w.swept.Load():
		// At the start every one that is not complete is checked, by opening it.
		return w.withIdle(ctx, name, func(wr *writer) error {
			w.facts.wake(name)
			if wr.whole() {
				w.late.soon(name)
			}
			return nil
		})
	case !i.complete() && offset == i.Size:
		w.late.soon(name)
	case i.Partial:
	case i.complete() && !i.Corrupt && !w.store.has(path.Join(name, markCompleted)) || !w.store.has(path.Join(name, markCreated)) || w.store.has(path.Join(name, fileLost)):
		w.facts.wake(name)
	case i.complete():
		w.settled.put(name, i.Completed)
	}
	return nil
}

// usedUp says that a part was made a whole long enough ago.
func (w *Worker) usedUp(name string, now time.Time) bool {
	at, err := w.store.written(path.Join(name, markUsed))
	return err == nil && now.Sub(at) > usedFor
}

// setAside takes an upload without metadata out of the way.
func (w *Worker) setAside(name string) error {
	done, err := w.store.setAside(name)
	if done {
		w.log.Error("the metadata of an upload is damaged; it is set aside in the folder "+dirDamaged, zap.String("upload", name))
		w.ledger.drop(name)
	}
	return err
}

// withIdle holds an upload that nobody is busy with, and asks nobody to let go
// of it; errBusy: somebody is.
func (w *Worker) withIdle(ctx context.Context, name string, f func(*writer) error) error {
	try, stop := context.WithTimeout(ctx, idleWait)
	wr, err := w.holds.idle(try, name)
	stop()
	if err != nil {
		return err
	}
	defer w.holds.release(name)
	return f(wr)
}
