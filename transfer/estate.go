package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
	"github.com/helios-h2020/pse/transfer/quota"
)

// estateTime bounds the work for one request about a key's files; the caller waits twice as
// long, and asks again for what is left.
const estateTime = 2 * time.Second

// endpointMoved is the direct request that tells other workers on the same store which
// uploads have another owner: a JSON array of names.
const endpointMoved = "moved"

// estate decides what becomes of the files of a revoked key: they are removed, given to
// another key, or only counted.
type estate struct {
	bus     *bus.Bus
	store   *store.Store
	locks   *uploadLocks
	ledger  *quota.Ledger
	uploads *uploads
	ready   func() error // nil: the whole store was listed
	log     *zap.Logger
}

// answer removes an owner's uploads, gives them to another owner, or counts them.
func (e *estate) answer(ctx context.Context, q bus.EstateQuery) (a bus.Estate, err error) {
	if err := e.ready(); err != nil {
		return a, err
	}
	until := time.Now().Add(estateTime)
	names, err := e.store.Names()
	if err != nil {
		return a, err
	}
	var mu sync.Mutex // guards a.Bytes and owned while the store is read
	var owned, moved []string
	if err := e.store.Each(ctx, names, func(name string) {
		i, err := e.store.Info(name)
		if err != nil || i.Owner != q.Owner {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		owned = append(owned, name)
		a.Bytes += max(0, i.Size)
	}); err != nil {
		return a, err
	}
	a.Files = len(owned)
	for _, name := range owned {
		if !q.Delete && q.To == "" || time.Now().After(until) {
			a.Left++
			continue
		}
		switch err := e.removeOrGive(ctx, name, q); {
		case err == nil && q.To != "":
			moved = append(moved, name)
		case errors.Is(err, store.ErrBusy):
			a.Busy++
			a.Left++
		case err != nil && !errors.Is(err, store.ErrNotFound):
			a.Error = err.Error()
			a.Left++
		}
	}
	e.notifyMoved(ctx, moved)
	return a, nil
}

// removeOrGive removes one upload or changes its owner; a request that holds its lock is
// interrupted.
func (e *estate) removeOrGive(ctx context.Context, name string, q bus.EstateQuery) error {
	ctx, cancel := context.WithTimeout(ctx, estateTime/2)
	defer cancel()
	wr, err := e.locks.acquire(ctx, name, nil)
	if err != nil {
		return err
	}
	defer e.locks.release(name)
	if q.Delete {
		return e.uploads.remove(wr, store.RemovedByOwner)
	}
	if err := wr.Change(func(i *store.Info) { i.Owner = q.To }); err != nil {
		return err
	}
	e.ledger.SetOwner(name, q.To)
	return nil
}

// notifyMoved tells the other workers which uploads have another owner.
func (e *estate) notifyMoved(ctx context.Context, names []string) {
	if len(names) == 0 {
		return
	}
	all, err := e.bus.Discover(ctx)
	if err != nil {
		e.log.Warn("other workers are not told of new owners of uploads", zap.Error(err))
		return
	}
	text, _ := json.Marshal(names) // strings: cannot fail
	for _, other := range all {
		if other.Name == bus.WorkerTransfer && other.ID != e.bus.ID() {
			_, _ = e.bus.RequestDirect(ctx, other.ID, endpointMoved, text)
		}
	}
}

// onMoved books uploads that another worker has given to another owner.
func (e *estate) onMoved(_ context.Context, q bus.Direct) []byte {
	var names []string
	if json.Unmarshal(q.Data, &names) != nil {
		return nil
	}
	for _, name := range names {
		if !store.IsToken(name) {
			continue
		}
		if i, err := e.store.Info(name); err == nil {
			e.ledger.SetOwner(name, i.Owner)
		}
	}
	return []byte("ok")
}
