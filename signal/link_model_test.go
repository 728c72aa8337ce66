package signal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
)

// linkModel is a worker's connection.
type linkModel struct {
	b    *busModel
	id   string
	life context.Context // ends when the worker is killed

	// guarded by b.mu
	cut     bool
	since   time.Time   // when it was last made
	changes []*bus.Room // not yet seen; nil: all were seen that there are
	news    chan struct{}
	facts   chan bus.Event
}

// all has the worker see all records anew. Under mu.
func (l *linkModel) all() {
	l.changes = l.changes[:0]
	names := make([]string, 0, len(l.b.rooms))
	for name := range l.b.rooms {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return int(l.b.rooms[a].rev) - int(l.b.rooms[b].rev) })
	for _, name := range names {
		l.changes = append(l.changes, l.b.rooms[name].room(name))
	}
	l.changes = append(l.changes, nil)
}

// setCut takes a worker's connection, or gives it back.
func (l *linkModel) setCut(cut bool) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.cut = cut
	if !cut {
		l.since = time.Now()
		l.all()
	}
	l.b.wake()
}

func (l *linkModel) isCut() bool {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.cut
}

// ask waits until a request may happen, and does it.
func (l *linkModel) ask(ctx context.Context, what string, do func()) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	l.b.mu.Lock()
	if l.life.Err() != nil || l.cut {
		l.b.mu.Unlock()
		if l.life.Err() != nil {
			return errDead
		}
		return bus.ErrAway
	}
	q := &request{l, what, make(chan verdict, 1)}
	l.b.waiting = append(l.b.waiting, q)
	l.b.mu.Unlock()
	select {
	case v := <-q.let:
		if v == lost {
			return bus.ErrAway
		}
		l.b.mu.Lock()
		do()
		l.b.mu.Unlock()
		if v == unheard {
			return bus.ErrAway
		}
		return nil
	case <-ctx.Done():
	case <-l.life.Done():
	}
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.b.waiting = slices.DeleteFunc(l.b.waiting, func(o *request) bool { return o == q })
	if l.life.Err() != nil {
		return errDead
	}
	return bus.ErrAway
}

func (l *linkModel) ID() string { return l.id }

func (l *linkModel) Alive(_ context.Context, id string) bool {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	if l.cut || l.life.Err() != nil || time.Since(l.since) < time.Second {
		return true
	}
	i := slices.IndexFunc(l.b.links, func(o *linkModel) bool { return o.id == id })
	return i >= 0 && l.b.links[i].life.Err() == nil && !l.b.links[i].cut
}

func (l *linkModel) GetRoom(ctx context.Context, name string) (r *bus.Room, err error) {
	err = l.ask(ctx, "get "+name, func() { r = l.b.rooms[name].room(name) })
	if err == nil && len(r.Members) == 0 {
		err = bus.ErrNotFound
	}
	return r, err
}

var errConflict = errors.New("another was faster")

func (l *linkModel) UpdateRoom(ctx context.Context, name string, f func(*bus.Room) error) (*bus.Room, error) {
	for {
		var r *bus.Room
		if err := l.ask(ctx, "read "+name, func() { r = l.b.rooms[name].room(name) }); err != nil {
			return nil, err
		}
		rev := r.Revision
		if len(r.Members) == 0 {
			r = &bus.Room{Name: name}
		}
		if err := f(r); err != nil || len(r.Members) == 0 && l.none(name) {
			return r, err
		}
		var conflict error
		err := l.ask(ctx, "write "+name, func() { conflict = l.b.write(r, rev) })
		switch {
		case err != nil:
			return nil, err
		case conflict == nil:
			return r, nil
		}
		sleep.For(ctx, 5*time.Millisecond)
	}
}

func (l *linkModel) none(name string) bool {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.b.rooms[name].data == nil
}

// wait waits until there is something for the worker.
func (l *linkModel) wait(ctx context.Context, some func() bool) bool {
	for {
		l.b.mu.Lock()
		ok, news := some() && !l.cut, l.news
		l.b.mu.Unlock()
		if ok {
			return ctx.Err() == nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false
		case <-l.life.Done():
			return false
		}
	}
}

func (l *linkModel) WatchRooms(ctx context.Context, f func(*bus.Room), synced func()) error {
	for l.wait(ctx, func() bool { return len(l.changes) > 0 }) {
		var next func()
		_ = l.ask(ctx, "watch", func() {
			if len(l.changes) == 0 {
				return
			}
			if r := l.changes[0]; r == nil {
				next = synced
			} else {
				next = func() { f(r) }
			}
			l.changes = l.changes[1:]
		})
		if next != nil {
			next()
		}
	}
	return ctx.Err()
}

func (l *linkModel) PublishSignals(ctx context.Context, n uint64, batch []byte) error {
	id := fmt.Sprint(l.id, "-", n)
	data := slices.Clone(batch)
	return l.ask(ctx, "store", func() {
		if !l.b.stored[id] {
			l.b.stored[id] = true
			l.b.log = append(l.b.log, entryModel{time.Now(), data})
			all, _ := bus.ParseSignals(data)
			for _, s := range all {
				l.b.note("%s stores %c of %s to %s, %s", l.id, s.Kind, s.From, s.To, s.ID)
			}
			l.b.wake()
		}
	})
}

// logModel reads the log.
type logModel struct {
	*linkModel
	next int
}

func (l *linkModel) followSignals(ctx context.Context, since time.Time) (signalLog, bool, error) {
	r := &logModel{l, 0}
	empty := false
	err := l.ask(ctx, "follow", func() {
		for r.next < len(l.b.log) && l.b.log[r.next].at.Before(since) {
			r.next++
		}
		empty = r.next == len(l.b.log)
	})
	return r, empty, err
}

func (r *logModel) Next(ctx context.Context) (seq uint64, signals []bus.Signal, pending uint64, err error) {
	for r.wait(ctx, func() bool { return r.next < len(r.b.log) }) {
		var data []byte
		if r.ask(ctx, "follow", func() { data = r.b.log[r.next].data }) != nil {
			continue
		}
		r.next++
		r.b.mu.Lock()
		pending = uint64(len(r.b.log) - r.next)
		r.b.mu.Unlock()
		signals, err = bus.ParseSignals(data)
		return uint64(1000 + r.next), signals, pending, err
	}
	return 0, nil, 0, errDead
}

func (r *logModel) Stop() {}

func (l *linkModel) publish(ctx context.Context, facts ...bus.Fact) error {
	for _, f := range facts {
		if err := l.store(ctx, f.Event); err != nil {
			return err
		}
	}
	return nil
}

func (l *linkModel) store(ctx context.Context, ev bus.Event) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	id := ev.Topic() + "/" + ev.Resource() + "/" + ev.Key()
	for {
		err := l.ask(ctx, "publish "+ev.Topic()+fmt.Sprint(ev), func() {
			if !l.b.stored[id] {
				l.b.stored[id] = true
				l.b.facts = append(l.b.facts, ev)
				l.b.note("%s tells %T %+v", l.id, ev, ev)
			}
		})
		if err == nil || !sleep.For(ctx, 50*time.Millisecond) {
			return err
		}
	}
}

func (l *linkModel) tell(ctx context.Context, facts ...bus.Fact) error {
	for _, f := range facts {
		select {
		case l.facts <- f.Event:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tellAll publishes what is told.
func (l *linkModel) tellAll(ctx context.Context) {
	for {
		select {
		case ev := <-l.facts:
			for l.store(ctx, ev) != nil && ctx.Err() == nil && l.life.Err() == nil {
				continue
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(l.life, time.Second)
			defer cancel()
			for len(l.facts) > 0 {
				_ = l.store(last, <-l.facts)
			}
			return
		}
	}
}
