package turn

import (
	"context"
	"errors"
	"maps"
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
	missed map[string]int // workers that were not there, by Bus.ID: how often in a row
}

func newFinder(b *bus.Bus, log *zap.Logger) *finder {
	return &finder{bus: b, log: log, missed: map[string]int{}}
}

// run looks until ctx ends.
func (f *finder) run(ctx context.Context) {
	for sleep.For(ctx, searchEvery) {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.log.Warn("the allocations of relays that were lost", zap.Error(err))
		}
	}
}

// look tells of the allocations of workers that are gone.
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
			if err := f.tell(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell claims a record, tells of what is in it, and deletes it.
func (f *finder) tell(ctx context.Context, key string) error {
	r, err := f.bus.ClaimRelays(ctx, key)
	if errors.Is(err, bus.ErrNotFound) {
		return nil // another worker was faster
	}
	if err != nil {
		return err
	}
	for _, ev := range r.Open {
		ev = lost(ev, r.At)
		if err := bus.Retell(ctx, f.bus, ev.Opened(), time.UnixMilli(ev.OpenedAt)); err != nil {
			return err
		}
		if err := bus.Retell(ctx, f.bus, ev, time.UnixMilli(ev.ClosedAt)); err != nil {
			return err
		}
	}
	f.log.Info("told the end of allocations whose worker was lost", zap.String("worker", r.Worker), zap.Int("allocations", len(r.Open)))
	return f.bus.ForgetRelays(ctx, r)
}
