package transfer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/quota"
)

const (
	reconcileEvery = time.Minute
	reconcileAgain = 10 * time.Second // after a failure
)

// reconciler brings every upload, at the start and each minute, to the state that it should
// be in: what a crash interrupted is completed, what has expired is removed, and the
// ledger learns what other workers did.
type reconciler struct {
	store    *store.Store
	locks    *uploadLocks
	ledger   *quota.Ledger
	uploads  *uploads
	partials *partials
	facts    *facts
	retries  *retryQueue
	log      *zap.Logger

	incompleteFor, keep, stall time.Duration // see Config

	forget func(there map[string]bool) // has lists forget the uploads that are not there

	done doneUploads
	ran  atomic.Bool // the whole store was listed once
}

// run reconciles until ctx ends.
func (c *reconciler) run(ctx context.Context) {
	for next := reconcileEvery; ; next = reconcileEvery {
		if err := c.reconcileAll(ctx); err != nil && ctx.Err() == nil {
			next = reconcileAgain
			c.log.Error("the store of files cannot be listed", zap.Error(err))
		} else if err == nil {
			c.ran.Store(true)
		}
		if !sleep.For(ctx, next) {
			return
		}
	}
}

// reconcileAll reconciles all uploads once.
func (c *reconciler) reconcileAll(ctx context.Context) error {
	before, there := c.ledger.Known(), map[string]bool{} // uploads that are created from now on are not taken for absent
	names, err := c.store.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(before, name)
		there[name] = true
	}
	if err := c.store.Each(ctx, names, func(name string) {
		if at, ok := c.done.get(name); !ok || c.keep > 0 && c.store.Now().Sub(time.UnixMilli(at)) > c.keep {
			c.reconcileOrRetry(ctx, name)
		}
	}); err != nil {
		return err
	}
	for name := range c.partials.suspects() {
		if err := c.locks.withIdle(ctx, name, c.removeExpired); c.shouldRetry(ctx, name, err) {
			c.retries.put(name)
		}
	}
	c.done.keep(there)
	c.forget(there)
	for name := range before {
		c.ledger.Absent(name)
	}
	c.ledger.Listed()
	c.partials.forget(c.store.Now().Add(-2 * c.incompleteFor))
	return c.reconcileRemoved()
}

// reconcileRemoved has events published of uploads that were removed or set aside.
func (c *reconciler) reconcileRemoved() error {
	removed, err := c.store.List(store.DirRemoved)
	if err != nil {
		return err
	}
	for _, name := range removed {
		c.facts.wake(name)
	}
	damaged, err := c.store.List(store.DirDamaged)
	if err != nil {
		return err
	}
	for _, name := range damaged {
		c.facts.wakeDamaged(name)
	}
	return nil
}

// reconcileOrRetry is reconcile, with a retry when it could not be done now.
func (c *reconciler) reconcileOrRetry(ctx context.Context, name string) {
	if c.shouldRetry(ctx, name, c.reconcile(ctx, name)) {
		c.retries.put(name)
	}
}

// retry reconciles an upload of the retry queue, and says whether to try again.
func (c *reconciler) retry(ctx context.Context, name string) bool {
	err := c.reconcile(ctx, name)
	if err == nil {
		err = c.complete(ctx, name)
	}
	return c.shouldRetry(ctx, name, err)
}

// shouldRetry says whether an error may go away with time.
func (c *reconciler) shouldRetry(ctx context.Context, name string, err error) bool {
	switch {
	case err == nil || errors.Is(err, store.ErrNotFound) || ctx.Err() != nil:
		return false
	case errors.Is(err, store.ErrBusy) || asStatusError(err).code == errUnchecked.code:
		return true
	}
	c.log.Warn("an upload cannot be reconciled", zap.String("upload", name), zap.Error(err))
	return false
}

// complete completes an upload whose bytes are all there. It may wait for hooks.
func (c *reconciler) complete(ctx context.Context, name string) error {
	i, err := c.store.Info(name)
	if err != nil || i.Complete() {
		return err
	}
	if offset, err := c.store.Offset(i); err != nil || offset != i.Size {
		return err
	}
	err = c.locks.withIdle(ctx, name, func(wr *writer) error {
		if !wr.Whole() {
			return nil
		}
		return c.uploads.finish(wr)
	})
	if err != nil && asStatusError(err).code == codeRefused {
		return nil // it is removed
	}
	return err
}

// reconcile reconciles one upload.
func (c *reconciler) reconcile(ctx context.Context, name string) error {
	i, err := c.store.Info(name)
	if errors.Is(err, store.ErrNoInfo) {
		return c.setAside(name)
	}
	if errors.Is(err, store.ErrNotFound) {
		c.facts.wake(name) // it may be removed, with the event still to be published
	}
	if err != nil {
		return err
	}
	touched, err := c.store.LastWrite(i)
	if err != nil {
		return err
	}
	offset, err := c.store.Offset(i)
	if err != nil {
		return err
	}
	c.uploads.noteMade(i)
	c.ledger.Learn(name, i.Owner, max(i.Size, offset))
	if i.Partial {
		c.partials.touch(i.Owner, touched)
	}
	switch old := c.expired(i, offset, touched); {
	case old && i.Partial && !c.partials.mayGo(name):
		c.partials.suspect(name)
	case old:
		return c.locks.withIdle(ctx, name, c.removeExpired)
	case !i.Complete() && !c.ran.Load():
		// At the start incomplete uploads are checked, by opening them.
		return c.locks.withIdle(ctx, name, func(wr *writer) error {
			c.facts.wake(name)
			if wr.Whole() {
				c.retries.putNow(name)
			}
			return nil
		})
	case !i.Complete() && offset == i.Size:
		c.retries.putNow(name)
	case i.Partial: // it has no events
	case c.facts.untold(i):
		c.facts.wake(name)
	case i.Complete():
		c.partials.use(i)
		c.done.put(name, i.Completed)
	}
	return nil
}

// expired says whether an upload is to be removed for its age.
func (c *reconciler) expired(i *store.Info, offset int64, touched time.Time) bool {
	now := c.store.Now()
	switch {
	case i.Partial:
		return c.partials.mayGo(i.Name) || now.Sub(c.partials.touch(i.Owner, touched)) > c.incompleteFor
	case i.Complete():
		return c.keep > 0 && now.Sub(i.CompletedAt()) > c.keep
	case i.Size >= 0 && offset >= i.Size: // it waits for a hook, not for its sender
		return c.keep > 0 && now.Sub(touched) > c.keep
	case i.Final: // the request that concatenated it was interrupted, and cannot be resumed
		return now.Sub(touched) > c.stall
	}
	return now.Sub(touched) > c.incompleteFor
}

// removeExpired removes an upload that is still expired now that it is locked: its sender
// may have resumed it meanwhile.
func (c *reconciler) removeExpired(wr *writer) error {
	i, err := c.store.Info(wr.Info().Name)
	if err != nil {
		return err
	}
	touched, err := c.store.LastWrite(i)
	if err != nil || !c.expired(i, wr.Offset(), touched) {
		return err
	}
	return c.uploads.remove(wr, store.RemovedByAge)
}

// setAside moves an upload with damaged metadata aside.
func (c *reconciler) setAside(name string) error {
	done, err := c.store.SetAside(name)
	if done {
		c.log.Error("the metadata of an upload is damaged; it is set aside in the folder "+store.DirDamaged, zap.String("upload", name))
		c.ledger.Drop(name)
	}
	return err
}
