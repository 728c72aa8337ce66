package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
)

// writable finds the upload that an id lets one write to. Who sent with a key
// that is revoked may no more.
func (w *Worker) writable(id string) (name string, err error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return "", store.ErrNotFound
	}
	want, owner, held := w.locks.key(name) // it need not be read again for each chunk
	if !held {
		i, err := w.store.Info(name)
		if err != nil {
			return "", asMissing(err)
		}
		want, owner = i.Key, i.Owner
	}
	switch {
	case store.SameKey(want, key) && w.welcome(owner):
		return name, nil
	case store.SameKey(want, key):
		return "", errRevoked
	}
	if _, err := w.store.Link(name, key); err == nil {
		return "", errReadOnly
	}
	return "", store.ErrNotFound
}

// welcome says whether an upload's own URL does for its owner: with keys that
// ends when the owner's is revoked.
func (w *Worker) welcome(owner string) bool { return w.cfg.Open || w.keys.Has(owner) }

// readable finds the upload that an id lets one read, and the link that it is;
// none, if it is the upload's own URL. Nobody reads a part: the hooks see the whole.
func (w *Worker) readable(id string) (*store.Info, store.Link, error) {
	name, key, ok := store.ParseID(id)
	if !ok {
		return nil, store.Link{}, store.ErrNotFound
	}
	i, err := w.store.Info(name)
	if err != nil {
		return nil, store.Link{}, asMissing(err)
	}
	if i.Partial {
		return nil, store.Link{}, store.ErrNotFound
	}
	if l, err := w.store.Link(name, key); err == nil && l.Good(w.store.Now()) {
		return i, l, nil
	}
	if store.SameKey(i.Key, key) && (w.cfg.GetByUploadURL || w.cfg.Open) {
		return i, store.Link{}, nil
	}
	return nil, store.Link{}, store.ErrNotFound
}

// asMissing hides from strangers that there is something which cannot be read.
func asMissing(err error) error {
	if errors.Is(err, store.ErrNoInfo) {
		return store.ErrNotFound
	}
	return err
}

// mayCreate asks the hooks whether an upload may be made; it may come back with
// other metadata. They are asked on the worker's time: that a sender is gone is
// no answer.
func (w *Worker) mayCreate(ctx context.Context, meta map[string]string, size int64, partial bool, h http.Header, addr string) (map[string]string, error) {
	if partial {
		return nil, nil // the whole will be asked about
	}
	q := bus.UploadHook{Name: fileName(meta), Size: size, Metadata: meta, Owner: requestOf(ctx).owner, Addr: addr, Client: h.Get("User-Agent")}
	v, err := bus.Ask(w.stopping, w.bus, q, w.cfg.Upload)
	if err != nil {
		w.log.Warn("the hook of uploads", zap.Error(err))
	}
	if err := w.verdict(v, err); err != nil {
		w.metrics.refused.WithLabelValues("hook").Inc()
		return nil, err
	}
	if v.Metadata != nil {
		meta = v.Metadata
	}
	changed, err := w.hooks.ask(hookPreCreate, hookUpload{Size: max(0, size), SizeIsDeferred: size < 0, MetaData: meta})
	if changed == nil {
		changed = v.Metadata
	}
	return changed, err
}

// create makes an upload, and a link to read it that does not expire.
func (w *Worker) create(i *store.Info) error {
	i.Name, i.Key = store.NewToken(), store.NewToken()
	if err := w.ledger.reserve(i.Name, i.Owner, max(0, i.Size)); err != nil {
		w.metrics.refused.WithLabelValues("quota").Inc()
		return err
	}
	if err := w.store.Create(i); err != nil {
		w.ledger.drop(i.Name)
		return err
	}
	w.ledger.made(i.Name)
	w.metrics.created.Inc()
	w.facts.wake(i.Name)
	w.hooks.tell(hookPostCreate, w.hookUploadOf(i, 0), nil)
	return nil
}

// readLink makes the link by which a new upload's file may be read, for ever,
// of the URL by which it is written. Empty: there is none.
func (w *Worker) readLink(location, name string) string {
	l, err := w.store.FirstLink(name)
	if err != nil {
		w.log.Warn("a new upload has no link", zap.String("upload", name), zap.Error(err))
		return ""
	}
	return location[:len(location)-store.TokenSize] + l.Key
}

// declare makes known how long an upload will be.
func (w *Worker) declare(wr *writer, length int64) error {
	if length < wr.Offset() {
		return errTooLarge
	}
	if err := w.ledger.grow(wr.Info().Name, wr.Info().Owner, length); err != nil {
		return err
	}
	return wr.Change(func(i *store.Info) { i.Size = length })
}

// finish makes an upload whose bytes are all there a file that others get.
// Called again it changes nothing.
func (w *Worker) finish(wr *writer) error {
	switch {
	case wr.Info().Complete():
		return nil
	case !wr.Whole():
		return fmt.Errorf("finish %s: %d of %d bytes: %w", wr.Info().Name, wr.Offset(), wr.Info().Size, store.ErrFailed)
	}
	if err := wr.Settle(); err != nil {
		return err
	}
	head := make([]byte, 512)
	n, err := wr.Head(head)
	if err != nil {
		return err
	}
	typ := mediaType(head[:n], claimedType(wr.Info().Meta))
	if err := w.mayComplete(wr, typ); err != nil {
		return err
	}
	if err := wr.Complete(typ); err != nil {
		return err
	}
	w.useUp(wr.Info())
	w.metrics.completed.Inc()
	w.facts.wake(wr.Info().Name)
	w.hooks.tell(hookPostFinish, w.hookUploadOf(wr.Info(), wr.Offset()), nil)
	return nil
}

// mayComplete asks the hooks about a file that is all there. A veto removes it;
// no answer keeps it for another try. They are asked on the worker's time, as
// nobody need wait for it.
func (w *Worker) mayComplete(wr *writer, typ string) error {
	i := wr.Info()
	if i.Partial {
		return nil
	}
	v, err := bus.Ask(w.stopping, w.bus, bus.CompleteHook{
		Upload: i.Name, Name: fileName(i.Meta), Size: i.Size, Type: typ, Owner: i.Owner, Path: w.store.Location(i).String(),
	}, w.cfg.Complete)
	if err != nil {
		w.log.Warn("the hook of complete files", zap.Error(err))
	}
	refused := w.verdict(v, err)
	if refused == nil {
		_, refused = w.hooks.ask(hookPreFinish, w.hookUploadOf(i, wr.Offset()))
	}
	if refused == nil || asStatusError(refused).code != codeRefused {
		return refused
	}
	w.metrics.refused.WithLabelValues("hook").Inc()
	if err := w.remove(wr, store.RemovedByHook); err != nil {
		return err
	}
	return refused
}

// verdict is what an answer of a hook on the bus means: nil, a statusError, or that
// there is none, and that it is to be asked again.
func (w *Worker) verdict(v bus.Verdict, err error) error {
	switch {
	case err != nil && w.stopping.Err() != nil:
		return errUnchecked // we have not waited for it, whatever the configuration makes of that
	case v.Allow:
		return nil
	case err != nil || v.Unanswered():
		return &statusError{http.StatusServiceUnavailable, errUnchecked.code, v.Reason + "; try again in a while"}
	}
	return &statusError{http.StatusForbidden, codeRefused, v.Reason}
}

// mayRemove asks whether a sender may delete an upload.
func (w *Worker) mayRemove(i *store.Info, offset int64) error {
	_, err := w.hooks.ask(hookPreTerminate, w.hookUploadOf(i, offset))
	return err
}

// remove takes an upload away. From the moment it returns nobody finds it.
func (w *Worker) remove(wr *writer, reason string) error {
	i := wr.Info()
	if err := wr.Remove(reason); err != nil {
		return err
	}
	w.ledger.drop(i.Name)
	if i.Complete() || reason == store.RemovedByHook {
		w.useUp(i)
	}
	w.hooks.tell(hookPostTerminate, w.hookUploadOf(i, wr.Offset()), nil)
	w.metrics.removed.WithLabelValues(reason).Inc()
	if i.Partial {
		return w.store.Forget(i.Name)
	}
	w.facts.wake(i.Name)
	return nil
}

// claimedType is what a sender says a file is.
func claimedType(meta map[string]string) string {
	if t := meta["filetype"]; t != "" {
		return t
	}
	return meta["type"]
}

// opened prepares a writer that was just opened.
func (w *Worker) opened(wr *writer) {
	if wr.Lost > 0 {
		w.log.Warn("acknowledged bytes of an upload were damaged; it goes on from before them",
			zap.String("upload", wr.Info().Name), zap.Int64("offset", wr.Offset()), zap.Int64("lost", wr.Lost))
		w.facts.wake(wr.Info().Name)
	}
	var told time.Time
	var asked atomic.Bool // the hook post-receive is at work
	wr.OnProgress = func(end int64) {
		i, now := wr.Info(), time.Now()
		if now.Sub(told) < time.Second && end != i.Size {
			return
		}
		told = now
		if !i.Partial {
			_ = bus.Tell(w.bus, bus.UploadProgress{Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Offset: end, Size: i.Size})
		}
		if stop := wr.stop; asked.CompareAndSwap(false, true) {
			w.hooks.tell(hookPostReceive, w.hookUploadOf(i, end), func(a hookAnswer) {
				asked.Store(false)
				if a.StopUpload {
					w.giveUp(i.Name, stop, a.statusError(hookPostReceive))
				}
			})
		}
	}
}

// giveUp ends an upload that a hook does not want, unless it is a file by now.
func (w *Worker) giveUp(name string, stop func(*statusError), why *statusError) {
	if stop != nil {
		stop(why)
	}
	ctx, cancel := context.WithTimeout(w.stopping, w.cfg.StallTimeout)
	defer cancel()
	wr, err := w.locks.acquire(ctx, name, nil) // which has its request end
	if err == nil {
		if !wr.Info().Complete() {
			err = w.remove(wr, store.RemovedByHook)
		}
		w.locks.release(name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.log.Warn("an upload that a hook does not want goes on", zap.String("upload", name), zap.Error(err))
	}
}
