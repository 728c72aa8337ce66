package transfer

import (
	"context"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
)

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

// mayRemove asks whether a sender may delete an upload.
func (w *Worker) mayRemove(i *store.Info, offset int64) error {
	_, err := w.hooks.ask(hookPreTerminate, w.hookUploadOf(i, offset))
	return err
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
