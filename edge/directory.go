package edge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// directory knows the streams there are and those that are followed.
type directory struct {
	mu       sync.RWMutex
	lives    map[string]*bus.Live // by sid
	followed map[string]*stream   // by name
	changed  chan struct{}        // closed at the next change of lives
}

func newDirectory() *directory {
	return &directory{lives: map[string]*bus.Live{}, followed: map[string]*stream{}, changed: make(chan struct{})}
}

// set takes a change of a stream's record.
func (d *directory) set(l *bus.Live) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
	if l.Name == "" {
		delete(d.lives, l.SID)
		return
	}
	d.lives[l.SID] = l
}

func (d *directory) live(sid string) *bus.Live {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.lives[sid]
}

// state is what a stream does, or stateAbsent, and what is closed when that may be
// something else.
func (d *directory) state(sid string) (state string, changed <-chan struct{}) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	state = stateAbsent
	if l := d.lives[sid]; l != nil && l.State != "" {
		state = l.State
	}
	return state, d.changed
}

// stateAbsent is that of a stream of whose name there is none.
const stateAbsent = "absent"

func (d *directory) all() []*bus.Live {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*bus.Live, 0, len(d.lives))
	for _, l := range d.lives {
		all = append(all, l)
	}
	return all
}

func (d *directory) stream(name string) *stream {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.followed[name]
}

func (d *directory) streams() []*stream {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*stream, 0, len(d.followed))
	for _, s := range d.followed {
		all = append(all, s)
	}
	return all
}

// serves says whether there is a stream that viewers can have from here.
func (d *directory) serves() bool {
	return slices.ContainsFunc(d.streams(), func(s *stream) bool { return s.multivariant.value().playlist.Ready() })
}

// open is the stream of that name, followed from now on, with its log read.
// The error is a *problem, or the context's.
func (w *Worker) open(ctx context.Context, name string) (*stream, error) {
	now := time.Now()
	s := w.dir.stream(name)
	if s == nil {
		sid, err := bus.SID(name)
		if err != nil {
			return nil, probNoStream
		}
		live, err := w.record(ctx, sid)
		if err != nil {
			return nil, err
		}
		if w.aged(live, now) {
			return nil, probEnded
		}
		if s, err = w.startFollowing(sid, name, now); err != nil {
			return nil, err
		}
	}
	s.used.Store(now.Unix())
	select {
	case <-s.loaded:
		return s, nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.StartWait)
	defer cancel()
	select {
	case <-s.loaded:
		return s, nil
	case <-ctx.Done():
		return nil, probBus
	}
}

// record is a stream's record: the watched one, or that on the bus if the
// watch has not brought it yet.
func (w *Worker) record(ctx context.Context, sid string) (*bus.Live, error) {
	if l := w.dir.live(sid); l != nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.StartWait)
	defer cancel()
	l, err := w.bus.GetLive(ctx, sid)
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return nil, probNoStream
	case err != nil:
		return nil, probBus
	}
	return l, nil
}

// aged reports a stream that ended so long ago that its segments are going.
func (w *Worker) aged(l *bus.Live, now time.Time) bool {
	return l != nil && l.State == bus.StateEnded && now.Sub(time.UnixMilli(l.EndedAt)) > w.cfg.DVR
}

func (w *Worker) startFollowing(sid, name string, now time.Time) (*stream, error) {
	w.dir.mu.Lock()
	defer w.dir.mu.Unlock()
	if s := w.dir.followed[name]; s != nil {
		return s, nil
	}
	if w.ctx.Err() != nil {
		return nil, probBus
	}
	s := newStream(sid, name, w.cfg, now)
	ctx, cancel := context.WithCancel(w.ctx)
	s.cancel = cancel
	w.dir.followed[name] = s
	w.wg.Add(1)
	go func() {
		defer w.wg.Done()
		w.follow(ctx, s)
	}()
	return s, nil
}

// dropIdle ends the following of streams that nobody asks for.
func (w *Worker) dropIdle(now time.Time) {
	w.dir.mu.Lock()
	defer w.dir.mu.Unlock()
	for name, s := range w.dir.followed {
		if now.Sub(time.Unix(s.used.Load(), 0)) > w.cfg.IdleAfter {
			s.cancel()
			delete(w.dir.followed, name)
		}
	}
}
