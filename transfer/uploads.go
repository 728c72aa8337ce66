package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// create makes an upload, and a link to read it that does not expire.
func (w *Worker) create(i *store.Info) error {
	i.Name, i.Key = store.NewToken(), store.NewToken()
	if err := w.ledger.Reserve(i.Name, i.Owner, max(0, i.Size)); err != nil {
		w.metrics.refused.WithLabelValues("quota").Inc()
		return err
	}
	if err := w.store.Create(i); err != nil {
		w.ledger.Drop(i.Name)
		return err
	}
	w.ledger.Created(i.Name)
	w.metrics.created.Inc()
	w.facts.wake(i.Name)
	w.hooks.Notify(filehook.PostCreate, w.hooks.Upload(i, 0), nil)
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

// receive appends what a sender sends, and books it.
func (w *Worker) receive(wr *writer, src io.Reader, q *request) (n int64, err error) {
	wr.stop = q.stop
	defer func() {
		wr.stop = nil
		w.metrics.received.Add(float64(n))
	}()
	i := wr.Info()
	if i.Size >= 0 {
		return wr.Append(src, i.Size-wr.Offset(), q.sum)
	}
	most := int64(math.MaxInt64)
	if w.cfg.MaxSize > 0 {
		most = w.cfg.MaxSize - wr.Offset()
	}
	b := w.ledger.Reader(src, i.Name, i.Owner, wr.Offset(), most)
	n, err = wr.Append(b, math.MaxInt64, q.sum)
	b.Close(wr.Offset())
	if b.Err() != nil {
		w.metrics.refused.WithLabelValues("quota").Inc()
		err = b.Err()
	}
	return n, err
}

// declare makes known how long an upload will be.
func (w *Worker) declare(wr *writer, length int64) error {
	if length < wr.Offset() {
		return errTooLarge
	}
	if err := w.ledger.Grow(wr.Info().Name, wr.Info().Owner, length); err != nil {
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
	if err := w.approval.mayComplete(wr.Info(), typ); err != nil {
		if asStatusError(err).code == codeRefused {
			w.metrics.refused.WithLabelValues("hook").Inc()
			if err := w.remove(wr, store.RemovedByHook); err != nil {
				return err
			}
		}
		return err
	}
	if err := wr.Complete(typ); err != nil {
		return err
	}
	w.useUp(wr.Info())
	w.metrics.completed.Inc()
	w.facts.wake(wr.Info().Name)
	w.hooks.Notify(filehook.PostFinish, w.hooks.Upload(wr.Info(), wr.Offset()), nil)
	return nil
}

// remove takes an upload away. From the moment it returns nobody finds it.
func (w *Worker) remove(wr *writer, reason string) error {
	i := wr.Info()
	if err := wr.Remove(reason); err != nil {
		return err
	}
	w.ledger.Drop(i.Name)
	if i.Complete() || reason == store.RemovedByHook {
		w.useUp(i)
	}
	w.hooks.Notify(filehook.PostTerminate, w.hooks.Upload(i, wr.Offset()), nil)
	w.metrics.removed.WithLabelValues(reason).Inc()
	if i.Partial {
		return w.store.Forget(i.Name)
	}
	w.facts.wake(i.Name)
	return nil
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
			w.hooks.Notify(filehook.PostReceive, w.hooks.Upload(i, end), func(a filehook.Answer) {
				asked.Store(false)
				if a.StopUpload {
					w.giveUp(i.Name, stop, asStatusError(a.Refusal(filehook.PostReceive)))
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
