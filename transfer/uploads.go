package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
	"github.com/helios-h2020/pse/transfer/quota"
)

// hashAtOnce is how many bytes a file may have, so that its hash is computed before it is
// complete: later it costs a second version of its metadata.
const hashAtOnce = 64 << 10

// uploads changes uploads, from their creation to their removal. Methods that take a
// writer are called with the upload's lock held.
type uploads struct {
	bus      *bus.Bus
	store    *store.Store
	locks    *uploadLocks
	ledger   *quota.Ledger
	approval *approval
	hooks    *filehook.Dir
	partials *partials
	facts    *facts
	retries  *retryQueue
	metrics  *metrics
	log      *zap.Logger

	noteMade func(*store.Info) // has lists know when an upload was made

	maxSize  int64           // bytes of one file; 0: no limit
	stall    time.Duration   // see Config.StallTimeout
	stopping context.Context // ends when the worker is to stop
}

// create makes an upload of metadata, and gives it a name and a key. link is the key of its
// first link; empty: it has none. errTooLarge: it says a size that no file may have.
func (u *uploads) create(i *store.Info) (link string, err error) {
	if u.tooLarge(i.Size) {
		u.metrics.refused.WithLabelValues("quota").Inc()
		return "", errTooLarge
	}
	i.Name, i.Key = store.NewToken(), store.NewToken()
	if err := u.ledger.Reserve(i.Name, i.Owner, max(0, i.Size)); err != nil {
		u.metrics.refused.WithLabelValues("quota").Inc()
		return "", err
	}
	w, err := u.store.CreateOpen(i)
	if err != nil {
		u.ledger.Drop(i.Name)
		return "", err
	}
	if !i.Partial { // before it can be complete: it is synced with it
		l, err := u.store.FirstLink(i.Name)
		if link = l.Key; err != nil {
			u.log.Warn("a new upload has no link", zap.String("upload", i.Name), zap.Error(err))
		}
	}
	u.locks.adopt(i.Name, w)
	u.noteMade(i)
	u.ledger.Created(i.Name)
	u.metrics.created.Inc()
	if !i.Partial {
		u.facts.made(i)
	}
	u.hooks.Notify(filehook.PostCreate, u.hooks.Upload(i, 0), nil)
	return link, nil
}

// receive appends a request's body, and books it. With a sum, all of it is kept or
// nothing. stop ends the request, for a hook that does not want the upload. n is how many
// bytes were kept, also with an error.
func (u *uploads) receive(wr *writer, src io.Reader, sum *store.Checksum, stop func(*statusError)) (n int64, err error) {
	wr.stop = stop
	defer func() {
		wr.stop = nil
		u.metrics.received.Add(float64(n))
	}()
	i := wr.Info()
	if i.Size >= 0 {
		n, err = wr.Append(src, i.Size-wr.Offset(), sum)
		return n, u.noteLoss(wr, err)
	}
	most := int64(math.MaxInt64)
	if u.maxSize > 0 {
		most = u.maxSize - wr.Offset()
	}
	b := u.ledger.Reader(src, i.Name, i.Owner, wr.Offset(), most)
	n, err = wr.Append(b, math.MaxInt64, sum)
	b.Close(wr.Offset())
	if b.Err() != nil {
		u.metrics.refused.WithLabelValues("quota").Inc()
		err = b.Err()
	}
	return n, u.noteLoss(wr, err)
}

// noteLoss has it told when an error is that bytes are lost that had counted, and passes it on.
func (u *uploads) noteLoss(wr *writer, err error) error {
	if errors.Is(err, store.ErrLost) {
		u.log.Warn("the store has lost acknowledged bytes of an upload; it continues before them",
			zap.String("upload", wr.Info().Name), zap.Int64("offset", wr.Offset()), zap.Error(err))
		u.facts.wake(wr.Info().Name)
	}
	return err
}

// tooLarge says whether a size, in bytes, is more than a file may have.
func (u *uploads) tooLarge(size int64) bool { return u.maxSize > 0 && size > u.maxSize }

// declare sets the length of an upload, in bytes: errTooLarge when more have come, or it is
// more than a file may have.
func (u *uploads) declare(wr *writer, length int64) error {
	if length < wr.Offset() || u.tooLarge(length) {
		return errTooLarge
	}
	if err := u.ledger.Grow(wr.Info().Name, wr.Info().Owner, length); err != nil {
		return err
	}
	return wr.Change(func(i *store.Info) { i.Size = length })
}

// finish completes an upload whose bytes are all there, if the hooks allow it; else it
// is removed, or waits for them (errUnchecked). Called again it changes nothing.
func (u *uploads) finish(wr *writer) error {
	switch {
	case wr.Info().Complete():
		return nil
	case !wr.Whole():
		return fmt.Errorf("finish %s: %d of %d bytes: %w", wr.Info().Name, wr.Offset(), wr.Info().Size, store.ErrFailed)
	}
	if err := wr.Settle(); err != nil {
		return u.noteLoss(wr, err)
	}
	head := make([]byte, max(512, min(wr.Offset(), hashAtOnce)))
	n, sound, err := wr.Head(head)
	if err != nil {
		return err
	}
	sha := ""
	if sound { // else it is hashed beside the requests
		sum := sha256.Sum256(head[:n])
		sha = hex.EncodeToString(sum[:])
	}
	typ := mediaType(head[:min(n, 512)], claimedType(wr.Info().Meta))
	if err := u.approval.mayComplete(wr.Info(), typ); err != nil {
		if asStatusError(err).code == codeRefused {
			u.metrics.refused.WithLabelValues("hook").Inc()
			if err := u.remove(wr, store.RemovedByHook); err != nil {
				return err
			}
		}
		return err
	}
	if err := wr.Complete(typ, sha); err != nil {
		return err
	}
	u.partials.use(wr.Info())
	u.metrics.completed.Inc()
	u.facts.completed(wr.Info())
	u.hooks.Notify(filehook.PostFinish, u.hooks.Upload(wr.Info(), wr.Offset()), nil)
	return nil
}

// delete removes an upload for its sender, if the hooks allow it.
func (u *uploads) delete(ctx context.Context, name string) error {
	wr, err := u.locks.acquire(ctx, name, nil)
	if err != nil {
		return err
	}
	defer u.locks.release(name)
	if err := u.approval.mayRemove(wr.Info(), wr.Offset()); err != nil {
		return err
	}
	return u.remove(wr, store.RemovedBySender)
}

// remove removes an upload, for one of the reasons store.RemovedBy...
func (u *uploads) remove(wr *writer, reason string) error {
	i := wr.Info()
	if err := wr.Remove(reason); err != nil {
		return err
	}
	u.ledger.Drop(i.Name)
	if i.Complete() || reason == store.RemovedByHook {
		u.partials.use(i)
	}
	u.hooks.Notify(filehook.PostTerminate, u.hooks.Upload(i, wr.Offset()), nil)
	u.metrics.removed.WithLabelValues(reason).Inc()
	if i.Partial {
		return u.store.Forget(i.Name)
	}
	u.facts.wake(i.Name)
	return nil
}
