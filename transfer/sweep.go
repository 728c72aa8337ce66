package transfer

import (
	"context"
	"errors"
	"path"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/quota"
)

const (
	sweepEvery = time.Minute
	sweepSoon  = 10 * time.Second // after one that failed
)

// sweeper looks after all uploads from time to time, at first when it starts:
// what a crash left half done is done, what is too old goes, and what other
// workers did is learnt.
type sweeper struct {
	store    *store.Store
	locks    *uploadLocks
	ledger   *quota.Ledger
	uploads  *uploads
	partials *partials
	facts    *facts
	retries  *retryQueue
	log      *zap.Logger

	incompleteFor, keep, stall time.Duration // see Config

	done  doneUploads
	swept atomic.Bool // the store was looked through once
}

// run sweeps until ctx ends.
func (s *sweeper) run(ctx context.Context) {
	for next := sweepEvery; ; next = sweepEvery {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			next = sweepSoon
			s.log.Error("the store of files cannot be looked through", zap.Error(err))
		} else if err == nil {
			s.swept.Store(true)
		}
		if !sleep.For(ctx, next) {
			return
		}
	}
}

func (s *sweeper) sweep(ctx context.Context) error {
	before, there := s.ledger.Known(), map[string]bool{} // what comes later is not missed
	names, err := s.store.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(before, name)
		there[name] = true
	}
	if err := s.store.Each(ctx, names, func(name string) {
		if at, ok := s.done.get(name); !ok || s.keep > 0 && s.store.Now().Sub(time.UnixMilli(at)) > s.keep {
			s.lookAfter(ctx, name)
		}
	}); err != nil {
		return err
	}
	for name := range s.partials.suspects() {
		if err := s.locks.withIdle(ctx, name, s.removeOutdated); s.failed(ctx, name, err) {
			s.retries.put(name)
		}
	}
	s.done.keep(there)
	for name := range before {
		s.ledger.Absent(name)
	}
	s.ledger.Listed()
	s.partials.forget(s.store.Now().Add(-2 * s.incompleteFor))
	return s.sweepAside(ctx)
}

// sweepAside tells of what was removed or set aside and is not told of yet.
func (s *sweeper) sweepAside(ctx context.Context) error {
	removed, err := s.store.List(store.DirRemoved)
	if err != nil {
		return err
	}
	for _, name := range removed {
		s.facts.wake(name)
	}
	damaged, err := s.store.List(store.DirDamaged)
	if err != nil {
		return err
	}
	for _, name := range damaged {
		if err := s.facts.tellDamaged(ctx, name); err != nil {
			s.log.Warn("a damaged upload is told of later", zap.String("upload", name), zap.Error(err))
		}
	}
	return nil
}

// lookAfter is look, again later when it cannot be done now.
func (s *sweeper) lookAfter(ctx context.Context, name string) {
	if s.failed(ctx, name, s.look(ctx, name)) {
		s.retries.put(name)
	}
}

// lookAgain looks after an upload of the retry queue, and says whether that is to be
// done again.
func (s *sweeper) lookAgain(ctx context.Context, name string) bool {
	err := s.look(ctx, name)
	if err == nil {
		err = s.complete(ctx, name)
	}
	return s.failed(ctx, name, err)
}

// failed says whether looking after an upload may do better later.
func (s *sweeper) failed(ctx context.Context, name string, err error) bool {
	switch {
	case err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil:
		return false
	case errors.Is(err, store.ErrBusy) || asStatusError(err).code == errUnchecked.code:
		return true
	}
	s.log.Warn("an upload cannot be looked after", zap.String("upload", name), zap.Error(err))
	return false
}

// complete makes a file of an upload whose bytes are all there, if it is none
// yet. It may wait for hooks.
func (s *sweeper) complete(ctx context.Context, name string) error {
	i, err := s.store.Info(name)
	if err != nil || i.Complete() {
		return err
	}
	if offset, err := s.store.Offset(i); err != nil || offset != i.Size {
		return err
	}
	err = s.locks.withIdle(ctx, name, func(wr *writer) error {
		if !wr.Whole() {
			return nil
		}
		return s.uploads.finish(wr)
	})
	if err != nil && asStatusError(err).code == codeRefused {
		return nil // it is gone
	}
	return err
}

// look looks after one upload.
func (s *sweeper) look(ctx context.Context, name string) error {
	i, err := s.store.Info(name)
	if errors.Is(err, store.ErrNoInfo) {
		return s.setAside(name)
	}
	if errors.Is(err, store.ErrNotFound) {
		s.facts.wake(name) // it may be removed, and not told of
	}
	if err != nil {
		return err
	}
	touched, err := s.store.LastWrite(i)
	if err != nil {
		return err
	}
	offset, err := s.store.Offset(i)
	if err != nil {
		return err
	}
	s.ledger.Learn(name, i.Owner, max(i.Size, offset))
	if i.Partial {
		s.partials.touch(i.Owner, touched)
	}
	switch old := s.outdated(i, offset, touched); {
	case old && i.Partial && !s.partials.mayGo(name):
		s.partials.suspect(name)
	case old:
		return s.locks.withIdle(ctx, name, s.removeOutdated)
	case !i.Complete() && !s.swept.Load():
		// At the start every one that is not complete is checked, by opening it.
		return s.locks.withIdle(ctx, name, func(wr *writer) error {
			s.facts.wake(name)
			if wr.Whole() {
				s.retries.soon(name)
			}
			return nil
		})
	case !i.Complete() && offset == i.Size:
		s.retries.soon(name)
	case i.Partial: // there is nothing to tell
	case i.Complete() && !i.Corrupt && !s.store.Has(path.Join(name, markCompleted)) || !s.store.Has(path.Join(name, markCreated)) || s.store.Has(path.Join(name, store.FileLost)):
		s.facts.wake(name)
	case i.Complete():
		s.partials.use(i)
		s.done.put(name, i.Completed)
	}
	return nil
}

// outdated says that an upload has been there for too long.
func (s *sweeper) outdated(i *store.Info, offset int64, touched time.Time) bool {
	now := s.store.Now()
	switch {
	case i.Partial:
		return s.partials.mayGo(i.Name) || now.Sub(s.partials.touch(i.Owner, touched)) > s.incompleteFor
	case i.Complete():
		return s.keep > 0 && now.Sub(i.CompletedAt()) > s.keep
	case i.Size >= 0 && offset >= i.Size: // it waits for a hook, not for its sender
		return s.keep > 0 && now.Sub(touched) > s.keep
	case i.Final: // who put it together is gone, and nobody can go on with that
		return now.Sub(touched) > s.stall
	}
	return now.Sub(touched) > s.incompleteFor
}

// removeOutdated removes an upload that is still outdated now that we hold it:
// its sender may have come back meanwhile.
func (s *sweeper) removeOutdated(wr *writer) error {
	i, err := s.store.Info(wr.Info().Name)
	if err != nil {
		return err
	}
	touched, err := s.store.LastWrite(i)
	if err != nil || !s.outdated(i, wr.Offset(), touched) {
		return err
	}
	return s.uploads.remove(wr, store.RemovedByAge)
}

// setAside takes an upload without metadata out of the way.
func (s *sweeper) setAside(name string) error {
	done, err := s.store.SetAside(name)
	if done {
		s.log.Error("the metadata of an upload is damaged; it is set aside in the folder "+store.DirDamaged, zap.String("upload", name))
		s.ledger.Drop(name)
	}
	return err
}
