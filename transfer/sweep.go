package transfer

import (
	"context"
	"errors"
	"maps"
	"path"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/internal/sleep"
)

const (
	sweepEvery = time.Minute
	sweepSoon  = 10 * time.Second // after one that failed
	sweepAgain = 2 * time.Second  // what somebody was busy with: a dead worker's leases have ended by then
	usedFor    = time.Hour        // parts stay so long after they were made a whole, for a sender that asks again
)

// sweeper looks after all uploads from time to time, at first when it starts:
// what a crash left half done is done, what is too old goes, and what other
// workers did is learnt.
func (w *Worker) sweeper(ctx context.Context) {
	var next time.Time
	for {
		if now := time.Now(); now.After(next) {
			next = now.Add(sweepEvery)
			if err := w.sweep(ctx); err != nil && ctx.Err() == nil {
				next = now.Add(sweepSoon)
				w.log.Error("the store of files cannot be looked through", zap.Error(err))
			} else if err == nil {
				w.swept.Store(true)
			}
		}
		if !sleep.For(ctx, sweepAgain) {
			return
		}
		for name := range w.late.take() {
			w.lookAfter(ctx, name)
		}
	}
}

func (w *Worker) sweep(ctx context.Context) error {
	before, there := w.ledger.known(), map[string]bool{} // what comes later is not missed
	names, err := w.store.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(before, name)
		there[name] = true
	}
	if err := w.store.each(ctx, names, func(name string) {
		if at, ok := w.settled.get(name); !ok || w.cfg.Keep > 0 && w.store.now().Sub(time.UnixMilli(at)) > w.cfg.Keep {
			w.lookAfter(ctx, name)
		}
	}); err != nil {
		return err
	}
	w.settled.keep(there)
	for name := range before {
		w.ledger.drop(name)
	}
	return w.sweepAside(ctx)
}

// sweepAside tells of what was removed or set aside and is not told of yet.
func (w *Worker) sweepAside(ctx context.Context) error {
	removed, err := w.store.list(dirRemoved)
	if err != nil {
		return err
	}
	for _, name := range removed {
		w.facts.wake(name)
	}
	damaged, err := w.store.list(dirDamaged)
	if err != nil {
		return err
	}
	for _, name := range damaged {
		if err := w.facts.tellDamaged(ctx, name); err != nil {
			w.log.Warn("a damaged upload is told of later", zap.String("upload", name), zap.Error(err))
		}
	}
	return nil
}

// lookAfter is look, again later when it cannot be done now.
func (w *Worker) lookAfter(ctx context.Context, name string) {
	switch err := w.look(ctx, name); {
	case errors.Is(err, errBusy) || err != nil && asRefusal(err).code == "unchecked":
		w.late.put(name)
	case err != nil && !errors.Is(err, errNotFound) && ctx.Err() == nil:
		w.log.Warn("an upload cannot be looked after", zap.String("upload", name), zap.Error(err))
	}
}

// settled are files with which nothing is left to do, and when they were
// completed.
type settled struct {
	mu sync.Mutex // guards what follows
	at map[string]int64
}

func (s *settled) put(name string, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string]int64{}
	}
	s.at[name] = at
}

func (s *settled) get(name string) (at int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok = s.at[name]
	return at, ok
}

// keep forgets those that are not there.
func (s *settled) keep(there map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.at, func(name string, _ int64) bool { return !there[name] })
}

// late are uploads to look after soon.
type late struct {
	mu    sync.Mutex // guards what follows
	names map[string]bool
}

func (l *late) put(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names == nil {
		l.names = map[string]bool{}
	}
	l.names[name] = true
}

func (l *late) take() map[string]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := l.names
	l.names = nil
	return names
}

// look looks after one upload.
func (w *Worker) look(ctx context.Context, name string) error {
	i, err := w.store.info(name)
	if errors.Is(err, errNoInfo) {
		return w.setAside(name)
	}
	if errors.Is(err, errNotFound) {
		w.facts.wake(name) // it may be removed, and not told of
	}
	if err != nil {
		return err
	}
	touched, err := w.store.touched(i)
	if err != nil {
		return err
	}
	offset, err := w.store.offset(i)
	if err != nil {
		return err
	}
	w.ledger.set(name, i.Owner, max(i.Size, offset))
	now := w.store.now()
	switch {
	case i.complete() && w.cfg.Keep > 0 && now.Sub(i.completedAt()) > w.cfg.Keep,
		!i.complete() && now.Sub(touched) > w.cfg.IncompleteFor,
		i.Partial && w.usedUp(name, now):
		return w.withIdle(ctx, name, func(wr *writer) error { return w.remove(wr, removedByAge) })
	case !i.complete() && (offset == i.Size || !w.swept.Load()):
		// At the start every one that is not complete is checked, by opening it.
		return w.withIdle(ctx, name, func(wr *writer) error {
			w.facts.wake(name)
			if wr.info.complete() || !wr.whole() {
				return nil
			}
			return w.finish(ctx, wr)
		})
	case i.Partial:
	case i.complete() && !i.Corrupt && !w.store.has(path.Join(name, markCompleted)) || !w.store.has(path.Join(name, markCreated)) || w.store.has(path.Join(name, fileLost)):
		w.facts.wake(name)
	case i.complete():
		w.settled.put(name, i.Completed)
	}
	return nil
}

// usedUp says that a part was made a whole long enough ago.
func (w *Worker) usedUp(name string, now time.Time) bool {
	at, err := w.store.written(path.Join(name, markUsed))
	return err == nil && now.Sub(at) > usedFor
}

// setAside takes an upload without metadata out of the way.
func (w *Worker) setAside(name string) error {
	done, err := w.store.setAside(name)
	if done {
		w.log.Error("the metadata of an upload is damaged; it is set aside in the folder "+dirDamaged, zap.String("upload", name))
		w.ledger.drop(name)
	}
	return err
}

// withIdle holds an upload that nobody is busy with; errBusy: somebody is.
func (w *Worker) withIdle(ctx context.Context, name string, f func(*writer) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.StallTimeout)
	defer cancel()
	if w.holds.busy(name) {
		return errBusy
	}
	try, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	wr, err := w.holds.acquire(try, name, nil)
	stop()
	if err != nil {
		return err
	}
	defer w.holds.release(name)
	return f(wr)
}
