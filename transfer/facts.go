package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

// What says beside an upload which facts of it are told.
const (
	markCreated   = "told-created"
	markCompleted = "told-completed"
)

// factsAgain is how long to wait before another try at what the bus did not take.
const factsAgain = time.Second

// facts tell what has become of uploads. Each fact follows from what is in the
// store, and a mark beside it says that the bus has it: after a crash what has
// no mark is told again, and the bus keeps it once.
type facts struct {
	s    *store.Store
	bus  *bus.Bus
	log  *zap.Logger
	hash func(name string) // asks for a file's hash

	mu    sync.Mutex // guards what follows
	names map[string]bool
	more  chan struct{}
}

func newFacts(s *store.Store, b *bus.Bus, log *zap.Logger) *facts {
	return &facts{s: s, bus: b, log: log, names: map[string]bool{}, more: make(chan struct{}, 1)}
}

// wake has an upload looked at soon.
func (f *facts) wake(name string) {
	f.mu.Lock()
	f.names[name] = true
	f.mu.Unlock()
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// run tells until ctx ends.
func (f *facts) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.more:
		}
		for name := range f.waiting() {
			if ctx.Err() != nil {
				return
			}
			if err := f.tell(ctx, name); err != nil {
				f.log.Warn("what became of an upload is told later", zap.String("upload", name), zap.Error(err))
				f.wakeLater(ctx, name)
			}
		}
	}
}

func (f *facts) waiting() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := f.names
	f.names = map[string]bool{}
	return names
}

func (f *facts) wakeLater(ctx context.Context, name string) {
	f.mu.Lock()
	f.names[name] = true
	f.mu.Unlock()
	if sleep.For(ctx, factsAgain) {
		f.wake(name)
	}
}

// tell tells all that is to be told of an upload.
func (f *facts) tell(ctx context.Context, name string) error {
	if dir, i, why, err := f.s.Removal(name); !errors.Is(err, store.ErrNotFound) {
		if err == nil && i != nil && !i.Partial {
			err = f.tellRemoved(ctx, dir, i, why)
		}
		if err != nil {
			return err
		}
		return f.s.Forget(name)
	}
	i, err := f.s.Info(name)
	if errors.Is(err, store.ErrNotFound) {
		if _, _, _, err := f.s.Removal(name); errors.Is(err, store.ErrNotFound) {
			return f.s.Forget(name) // it is told of; something may be left
		}
		return f.tell(ctx, name) // it was removed just now
	}
	if errors.Is(err, store.ErrNoInfo) {
		return nil // a sweep sees to it
	}
	if err != nil || i.Partial {
		return err
	}
	if err := f.tellCreated(ctx, i, name); err != nil {
		return err
	}
	if err := f.tellLost(ctx, i, name); err != nil {
		return err
	}
	done := path.Join(name, markCompleted)
	if !i.Complete() || i.Corrupt || f.s.Has(done) {
		return nil
	}
	if i.SHA256 == "" {
		f.hash(name) // which wakes us again
		return nil
	}
	err = bus.Retell(ctx, f.bus, bus.UploadCompleted{
		Upload: name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, Type: i.Type, SHA256: i.SHA256, CreatedAt: i.Created, CompletedAt: i.Completed,
	}, time.UnixMilli(i.Completed))
	if err != nil {
		return err
	}
	return gentle(f.s.Mark(done))
}

func (f *facts) tellCreated(ctx context.Context, i *store.Info, dir string) error {
	done := path.Join(dir, markCreated)
	if f.s.Has(done) {
		return nil
	}
	err := bus.Retell(ctx, f.bus, bus.UploadCreated{Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, CreatedAt: i.Created}, time.UnixMilli(i.Created))
	if err != nil {
		return err
	}
	return gentle(f.s.Mark(done))
}

func (f *facts) tellLost(ctx context.Context, i *store.Info, dir string) error {
	file := path.Join(dir, store.FileLost)
	b, err := f.s.Read(file)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	var d store.Damage
	if err != nil || json.Unmarshal(b, &d) != nil {
		d = store.Damage{Lost: -1, At: f.s.Now().UnixMilli(), Reason: "the note of what was damaged is damaged too"}
	}
	err = bus.Retell(ctx, f.bus, bus.UploadCorrupt{
		Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Offset: d.Offset, Lost: d.Lost, FoundAt: d.At, Reason: d.Reason,
	}, time.UnixMilli(d.At))
	if err != nil {
		return err
	}
	return gentle(f.s.Erase(file))
}

// tellRemoved tells of an upload that is removed.
func (f *facts) tellRemoved(ctx context.Context, dir string, i *store.Info, why store.Removal) error {
	if err := f.tellCreated(ctx, i, dir); err != nil {
		return err
	}
	return bus.Retell(ctx, f.bus, bus.UploadRemoved{
		Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, Completed: i.Complete(), RemovedAt: why.At, Reason: why.Reason,
	}, time.UnixMilli(why.At))
}

// tellDamaged tells of an upload whose metadata nobody can read, and that it
// was set aside.
func (f *facts) tellDamaged(ctx context.Context, name string) error {
	done := path.Join(store.DirDamaged, name, markCompleted)
	if f.s.Has(done) {
		return nil
	}
	err := bus.Publish(ctx, f.bus, bus.UploadCorrupt{
		Upload: name, Lost: -1, FoundAt: f.s.Now().UnixMilli(), Reason: "its metadata is damaged; what there is of it is in the folder " + store.DirDamaged + " of the store",
	})
	if err != nil {
		return err
	}
	return f.s.Mark(done)
}

// gentle forgives that an upload was removed meanwhile.
func gentle(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
