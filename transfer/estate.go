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

// estateTime is how long one question about files of a key may be worked on; who
// asks waits for twice as long.
const estateTime = 2 * time.Second

// askMoved tells other workers on the same store which uploads have another owner.
const askMoved = "moved"

// estate is what becomes of the files of a key that is revoked: they are deleted,
// given to another key, or kept.
type estate struct {
	bus     *bus.Bus
	store   *store.Store
	locks   *uploadLocks
	ledger  *quota.Ledger
	uploads *uploads
	ready   func() error // nil: all uploads are known
	log     *zap.Logger
}

// answer deletes the uploads of an owner or gives them to another, or counts them.
func (e *estate) answer(ctx context.Context, q bus.EstateQuery) (a bus.Estate, err error) {
	if err := e.ready(); err != nil {
		return a, err
	}
	until := time.Now().Add(estateTime)
	names, err := e.store.Names()
	if err != nil {
		return a, err
	}
	var mu sync.Mutex // guards what the reading of many at a time finds
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
		switch err := e.inherit(ctx, name, q); {
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
	e.tellMoved(ctx, moved)
	return a, nil
}

// inherit does with one upload what an owner wants; who is sending it lets go.
func (e *estate) inherit(ctx context.Context, name string, q bus.EstateQuery) error {
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

// tellMoved has the other workers look at uploads again.
func (e *estate) tellMoved(ctx context.Context, names []string) {
	if len(names) == 0 {
		return
	}
	all, err := e.bus.Discover(ctx)
	if err != nil {
		e.log.Warn("other workers do not hear whose files are another's now", zap.Error(err))
		return
	}
	text, _ := json.Marshal(names) // strings: cannot fail
	for _, other := range all {
		if other.Name == bus.WorkerTransfer && other.ID != e.bus.ID() {
			_, _ = e.bus.AskDirect(ctx, other.ID, askMoved, text)
		}
	}
}

// hearMoved looks at uploads that another worker has given to another owner.
func (e *estate) hearMoved(_ context.Context, q bus.Direct) []byte {
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
