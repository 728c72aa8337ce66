package turn

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"go.uber.org/zap"
)

// How often the finder looks, and how often a worker must not be there.
const (
	searchEvery = 3 * time.Second
	lostLooks   = 2
)

// finder finds the records of workers that are gone, and tells what those did
// not come to. All turn workers do so; what two of them tell is stored once.
type finder struct {
	bus    *bus.Bus
	log    *zap.Logger
	events *bus.Outbox
	missed map[string]int // workers that were not there, by Bus.ID: how often in a row
}

func newFinder(b *bus.Bus, log *zap.Logger) *finder {
	f := &finder{bus: b, log: log, missed: map[string]int{}}
	f.events = bus.NewOutbox(b, f.facts, log)
	return f
}

// run looks, and tells, until ctx ends.
func (f *finder) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { f.events.Run(ctx) })
	for sleep.For(ctx, searchEvery) {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the allocations of relays that were lost", zap.Error(err))
		}
	}
}

// look has the allocations of workers told that are gone.
func (f *finder) look(ctx context.Context) error {
	records, err := f.bus.RelayRecords(ctx)
	if err != nil {
		return err
	}
	maps.DeleteFunc(f.missed, func(worker string, _ int) bool { return records[worker] == nil })
	for worker, keys := range records {
		if worker == f.bus.ID() || f.bus.Alive(ctx, worker) {
			delete(f.missed, worker)
			continue
		}
		if f.missed[worker]++; f.missed[worker] < lostLooks {
			continue
		}
		for _, key := range keys {
			f.tell(key)
		}
	}
	return nil
}

// tell has what is in a record told soon.
func (f *finder) tell(key string) { f.events.Wake(key) }

// facts claims a record. What is in it is to be told, and then it is deleted.
func (f *finder) facts(ctx context.Context, key string) (all []bus.Fact, err error) {
	r, err := f.bus.ClaimRelays(ctx, key)
	if errors.Is(err, bus.ErrNotFound) {
		return nil, nil // another worker was faster
	}
	if err != nil {
		return nil, err
	}
	for _, ev := range r.Open {
		ev = lost(ev, r.At)
		all = append(all, bus.Fact{Event: ev.Opened(), At: time.UnixMilli(ev.OpenedAt)}, bus.Fact{Event: ev, At: time.UnixMilli(ev.ClosedAt)})
	}
	told := func(ctx context.Context) error {
		f.log.Info("told the end of allocations whose worker was lost", zap.String("worker", r.Worker), zap.Int("allocations", len(r.Open)))
		return f.bus.ForgetRelays(ctx, r)
	}
	if len(all) == 0 {
		return nil, told(ctx)
	}
	all[len(all)-1].Told = told
	return all, nil
}
