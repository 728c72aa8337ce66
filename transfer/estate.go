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
)

// estateTime is how long one question about files of a key may be worked on; who
// asks waits for twice as long.
const estateTime = 2 * time.Second

// askMoved tells other workers on the same store which uploads have another owner.
const askMoved = "moved"

// Announce has others find this worker, and ask it what becomes of a key's files.
func (w *Worker) Announce(version string) error {
	_, err := w.bus.Serve(bus.WorkerTransfer, version, bus.Handle(bus.EndpointEstate, w.estate))
	return err
}

// estate deletes the uploads of an owner or gives them to another, or counts them.
func (w *Worker) estate(ctx context.Context, q bus.EstateQuery) (a bus.Estate, err error) {
	if err := w.Ready(); err != nil {
		return a, err
	}
	until := time.Now().Add(estateTime)
	names, err := w.store.Names()
	if err != nil {
		return a, err
	}
	var mu sync.Mutex // guards what the reading of many at a time finds
	var owned, moved []string
	if err := w.store.Each(ctx, names, func(name string) {
		i, err := w.store.Info(name)
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
		switch err := w.inherit(ctx, name, q); {
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
	w.tellMoved(ctx, moved)
	return a, nil
}

// inherit does with one upload what an owner wants; who is sending it lets go.
func (w *Worker) inherit(ctx context.Context, name string, q bus.EstateQuery) error {
	ctx, cancel := context.WithTimeout(ctx, estateTime/2)
	defer cancel()
	wr, err := w.locks.acquire(ctx, name, nil)
	if err != nil {
		return err
	}
	defer w.locks.release(name)
	if q.Delete {
		return w.uploads.remove(wr, store.RemovedByOwner)
	}
	if err := wr.Change(func(i *store.Info) { i.Owner = q.To }); err != nil {
		return err
	}
	w.ledger.SetOwner(name, q.To)
	return nil
}

// tellMoved has the other workers look at uploads again.
func (w *Worker) tellMoved(ctx context.Context, names []string) {
	if len(names) == 0 {
		return
	}
	all, err := w.bus.Discover(ctx)
	if err != nil {
		w.log.Warn("other workers do not hear whose files are another's now", zap.Error(err))
		return
	}
	text, _ := json.Marshal(names) // strings: cannot fail
	for _, other := range all {
		if other.Name == bus.WorkerTransfer && other.ID != w.bus.ID() {
			_, _ = w.bus.AskDirect(ctx, other.ID, askMoved, text)
		}
	}
}

// hearMoved looks at uploads that another worker has given to another owner.
func (w *Worker) hearMoved(_ context.Context, q bus.Direct) []byte {
	var names []string
	if json.Unmarshal(q.Data, &names) != nil {
		return nil
	}
	for _, name := range names {
		if !store.IsToken(name) {
			continue
		}
		if i, err := w.store.Info(name); err == nil {
			w.ledger.SetOwner(name, i.Owner)
		}
	}
	return []byte("ok")
}
