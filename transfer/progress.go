package transfer

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// prepare has a writer that was just opened report its progress, about once a second: to
// the bus as bus.UploadProgress, and to the hook post-receive, which may stop the upload.
func (u *uploads) prepare(wr *writer) {
	if wr.Lost > 0 {
		u.log.Warn("acknowledged bytes of an upload were damaged; it continues before them",
			zap.String("upload", wr.Info().Name), zap.Int64("offset", wr.Offset()), zap.Int64("lost", wr.Lost))
		u.facts.wake(wr.Info().Name)
	}
	var told time.Time
	var asked atomic.Bool // post-receive runs
	wr.OnProgress = func(end int64) {
		i, now := wr.Info(), time.Now()
		if now.Sub(told) < time.Second && end != i.Size {
			return
		}
		told = now
		if !i.Partial {
			_ = bus.PublishHint(u.bus, bus.UploadProgress{Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Offset: end, Size: i.Size})
		}
		if stop := wr.stop; asked.CompareAndSwap(false, true) {
			u.hooks.Notify(filehook.PostReceive, u.hooks.Upload(i, end), func(a filehook.Answer) {
				asked.Store(false)
				if a.StopUpload {
					u.stopUpload(i.Name, stop, asStatusError(a.Refusal(filehook.PostReceive)))
				}
			})
		}
	}
}

// stopUpload removes an upload that a hook does not want, unless it is complete by now.
func (u *uploads) stopUpload(name string, stop func(*statusError), why *statusError) {
	if stop != nil {
		stop(why)
	}
	ctx, cancel := context.WithTimeout(u.stopping, u.stall)
	defer cancel()
	wr, err := u.locks.acquire(ctx, name, nil) // interrupts its request
	if err == nil {
		if !wr.Info().Complete() {
			err = u.remove(wr, store.RemovedByHook)
		}
		u.locks.release(name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		u.log.Warn("an upload that a hook refused cannot be removed", zap.String("upload", name), zap.Error(err))
	}
}
