package transfer

import (
	"context"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/filehook"
)

// approval asks integrators about uploads: by the hooks on the bus and by the executables
// in Config.HooksDir. Questions end with the worker, not with the sender's request.
type approval struct {
	stopping         context.Context // ends when the worker is to stop
	bus              *bus.Bus
	store            *store.Store
	upload, complete bus.HookConfig
	dir              *filehook.Dir
	metrics          *metrics
	log              *zap.Logger
}

// mayCreate asks the hooks whether an upload may be made; it may come back with
// other metadata.
func (a *approval) mayCreate(q bus.UploadHook) (map[string]string, error) {
	v, err := bus.AskHook(a.stopping, a.bus, q, a.upload)
	if err != nil {
		a.log.Warn("the hook upload had no proper answer", zap.Error(err))
	}
	if err := a.verdict(v, err); err != nil {
		a.metrics.refused.WithLabelValues("hook").Inc()
		return nil, err
	}
	meta := q.Metadata
	if v.Metadata != nil {
		meta = v.Metadata
	}
	changed, err := a.dir.Ask(filehook.PreCreate, filehook.Upload{Size: max(0, q.Size), SizeIsDeferred: q.Size < 0, MetaData: meta})
	if changed == nil {
		changed = v.Metadata
	}
	return changed, err
}

// mayComplete asks the hooks about an upload whose bytes are all there; typ is its media
// type. errUnchecked: no answer; it is asked again later.
func (a *approval) mayComplete(i *store.Info, typ string) error {
	if i.Partial {
		return nil
	}
	v, err := bus.AskHook(a.stopping, a.bus, bus.CompleteHook{
		Upload: i.Name, Name: fileName(i.Meta), Size: i.Size, Type: typ, Owner: i.Owner, Path: a.store.Location(i).String(),
	}, a.complete)
	if err != nil {
		a.log.Warn("the hook complete had no proper answer", zap.Error(err))
	}
	if err := a.verdict(v, err); err != nil {
		return err
	}
	_, err = a.dir.Ask(filehook.PreFinish, a.dir.Upload(i, i.Size))
	return err
}

// mayRemove asks whether a sender may remove an upload.
func (a *approval) mayRemove(i *store.Info, offset int64) error {
	_, err := a.dir.Ask(filehook.PreTerminate, a.dir.Upload(i, offset))
	return err
}

// verdict is the answer of a hook on the bus as an error: nil when it allows, a refusal,
// or that there is no answer and that it is to be asked again (errUnchecked).
func (a *approval) verdict(v bus.Verdict, err error) error {
	switch {
	case err != nil && a.stopping.Err() != nil:
		return errUnchecked // the worker stops: whatever is configured for a timeout, this is none
	case v.Allow:
		return nil
	case err != nil || v.Unanswered():
		return unchecked(v.Reason + "; try again in a while")
	}
	return refused(v.Reason)
}
