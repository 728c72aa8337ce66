package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/store"
)

// What says beside an upload which facts of it are told, and when one was found
// whose metadata is damaged.
const (
	markCreated   = "told-created"
	markCompleted = "told-completed"
	markFound     = "found"
)

// newFor is how long it takes until it is told of a new upload.
const newFor = 100 * time.Millisecond

// facts tell what has become of uploads. Each fact follows from what is in the
// store, and a mark beside it says that the bus has it: after a crash what has
// no mark is told again, and the bus keeps it once.
type facts struct {
	s      *store.Store
	outbox *bus.Outbox
	hash   func(name string) // asks for a file's hash
	fresh  freshUploads
}

func newFacts(s *store.Store, b *bus.Bus, log *zap.Logger) *facts {
	f := &facts{s: s}
	f.outbox = bus.NewOutbox(b, f.of, log)
	return f
}

// wake has an upload looked at soon, and what is noted beside it.
func (f *facts) wake(name string) {
	f.fresh.take(name)
	f.outbox.Wake(name)
}

// made has a new upload looked at in a moment: many are complete by then, and both are told at
// once.
func (f *facts) made(i *store.Info) {
	kept := f.fresh.put(i)
	time.AfterFunc(newFor, func() {
		if !kept || f.fresh.has(i.Name) { // else it was looked at
			f.outbox.Wake(i.Name)
		}
	})
}

// completed has an upload looked at that has become a file.
func (f *facts) completed(i *store.Info) {
	f.fresh.renew(i)
	f.outbox.Wake(i.Name)
}

// wakeDamaged has one looked at that is set aside.
func (f *facts) wakeDamaged(name string) { f.outbox.Wake(path.Join(store.DirDamaged, name)) }

// run tells until ctx ends, and then what is left, as far as that goes in a moment.
func (f *facts) run(ctx context.Context) { f.outbox.Run(ctx) }

// of is what is to be told of an upload.
func (f *facts) of(_ context.Context, name string) ([]bus.Fact, error) {
	if damaged, ok := strings.CutPrefix(name, store.DirDamaged+"/"); ok {
		return f.ofDamaged(damaged)
	}
	if i := f.fresh.take(name); i != nil {
		return f.ofUpload(i, []bus.Fact{f.created(i, name)}, false), nil
	}
	i, err := f.s.Info(name)
	if errors.Is(err, store.ErrNotFound) {
		return f.ofAbsent(name)
	}
	if errors.Is(err, store.ErrNoInfo) {
		return nil, nil // a sweep sees to it
	}
	if err != nil || i.Partial {
		return nil, err
	}
	completed := f.s.Has(path.Join(name, markCompleted))
	var first []bus.Fact
	if !completed && !f.s.Has(path.Join(name, markCreated)) {
		first = append(first, f.created(i, name))
	}
	return f.ofUpload(i, append(first, f.lost(i, name)...), completed), nil
}

// ofUpload is what is to be told of an upload: first what happened before it was complete.
// told: that is told already.
func (f *facts) ofUpload(i *store.Info, first []bus.Fact, told bool) []bus.Fact {
	if !i.Complete() || i.Corrupt || told {
		return first
	}
	if i.SHA256 == "" {
		f.hash(i.Name) // which wakes us again
		return first
	}
	for n := range first {
		if _, ok := first[n].Event.(bus.UploadCreated); ok {
			first[n].Told = nil // the mark of what follows is for both
		}
	}
	return append(first, bus.Fact{Event: bus.UploadCompleted{
		Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, Type: i.Type, SHA256: i.SHA256, CreatedAt: i.Created, CompletedAt: i.Completed,
	}, At: time.UnixMilli(i.Completed), Told: f.mark(path.Join(i.Name, markCompleted))})
}

// ofAbsent is what is to be told of an upload that is not there: that it was removed, unless
// that is told already.
func (f *facts) ofAbsent(name string) ([]bus.Fact, error) {
	dir, i, why, err := f.s.Removal(name)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (i == nil || i.Partial):
		return nil, f.s.Forget(name) // something may be left
	case err != nil:
		return nil, err
	}
	return f.ofRemoved(name, dir, i, why), nil
}

// untold says whether there is anything to be told of an upload.
func (f *facts) untold(i *store.Info) bool {
	if f.s.Has(path.Join(i.Name, store.FileLost)) {
		return true
	}
	if f.s.Has(path.Join(i.Name, markCompleted)) { // it is for what was before, too
		return false
	}
	return i.Complete() && !i.Corrupt || !f.s.Has(path.Join(i.Name, markCreated))
}

// mark notes that a fact is told, unless the upload was removed meanwhile.
func (f *facts) mark(file string) func(context.Context) error {
	return func(context.Context) error { return gentle(f.s.Mark(file)) }
}

func (f *facts) created(i *store.Info, dir string) bus.Fact {
	return bus.Fact{
		Event: bus.UploadCreated{Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, CreatedAt: i.Created},
		At:    time.UnixMilli(i.Created), Told: f.mark(path.Join(dir, markCreated)),
	}
}

func (f *facts) lost(i *store.Info, dir string) []bus.Fact {
	file := path.Join(dir, store.FileLost)
	b, err := f.s.Read(file)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	var d store.Damage
	if err != nil || json.Unmarshal(b, &d) != nil {
		d = store.Damage{Lost: -1, At: f.s.Now().UnixMilli(), Reason: "the note of what was damaged is damaged too"}
	}
	return []bus.Fact{{Event: bus.UploadCorrupt{
		Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Offset: d.Offset, Lost: d.Lost, FoundAt: d.At, Reason: d.Reason,
	}, At: time.UnixMilli(d.At), Told: func(context.Context) error { return gentle(f.s.Erase(file)) }}}
}

// ofRemoved is what is to be told of an upload that is removed, which is forgotten
// then.
func (f *facts) ofRemoved(name, dir string, i *store.Info, why store.Removal) []bus.Fact {
	var all []bus.Fact
	if !f.s.Has(path.Join(dir, markCompleted)) && !f.s.Has(path.Join(dir, markCreated)) {
		all = append(all, f.created(i, dir))
	}
	return append(all, bus.Fact{Event: bus.UploadRemoved{
		Upload: i.Name, Owner: i.Owner, Name: fileName(i.Meta), Size: i.Size, Completed: i.Complete(), RemovedAt: why.At, Reason: why.Reason,
	}, At: time.UnixMilli(why.At), Told: func(context.Context) error { return f.s.Forget(name) }})
}

// ofDamaged is what is to be told of an upload whose metadata nobody can read, and
// that was set aside. When it was found is written down first, so that it is told
// once.
func (f *facts) ofDamaged(name string) ([]bus.Fact, error) {
	done, found := path.Join(store.DirDamaged, name, markCompleted), path.Join(store.DirDamaged, name, markFound)
	if f.s.Has(done) {
		return nil, nil
	}
	at, err := f.s.Written(found)
	if errors.Is(err, store.ErrNotFound) {
		if err := f.s.Mark(found); err != nil {
			return nil, err
		}
		at, err = f.s.Written(found)
	}
	if err != nil {
		return nil, err
	}
	return []bus.Fact{{Event: bus.UploadCorrupt{
		Upload: name, Lost: -1, FoundAt: at.UnixMilli(), Reason: "its metadata is damaged; what there is of it is in the folder " + store.DirDamaged + " of the store",
	}, At: at, Told: func(context.Context) error { return f.s.Mark(done) }}}, nil
}

// gentle forgives that an upload was removed meanwhile.
func gentle(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
