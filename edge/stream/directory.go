package stream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"go.uber.org/zap"
)

// Directory knows the streams there are, and has those followed that are asked for.
type Directory struct {
	source *source
	wg     sync.WaitGroup // the followers

	mu       sync.RWMutex                 // guards the rest
	lives    map[string]*bus.StreamRecord // by sid
	followed map[string]*Stream           // by name
	changed  chan struct{}                // closed at the next change of lives
}

// NewDirectory is one without a stream. It follows streams until ctx ends.
func NewDirectory(ctx context.Context, cfg Config, b *bus.Bus, log *zap.Logger) *Directory {
	return &Directory{
		source: &source{cfg: cfg, bus: b, log: log, cache: newCache(cfg.CacheBytes, b.GetPart), ctx: ctx},
		lives:  map[string]*bus.StreamRecord{}, followed: map[string]*Stream{}, changed: make(chan struct{}),
	}
}

// Wait waits until no stream is followed any more, once the context has ended.
func (d *Directory) Wait() { d.wg.Wait() }

// Set takes a change of a stream's record. One without a name is no more.
func (d *Directory) Set(l *bus.StreamRecord) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
	if l.Name == "" {
		delete(d.lives, l.SID)
	} else {
		d.lives[l.SID] = l
	}
	for _, s := range d.followed {
		if s.sid == l.SID {
			s.live.Store(d.lives[l.SID])
		}
	}
}

// StateAbsent is the state of a stream of whose name there is none.
const StateAbsent = "absent"

// State is what a stream does, bus.StateLive, StateGrace or StateEnded, or
// StateAbsent; and what is closed when that may be something else.
func (d *Directory) State(sid string) (state string, changed <-chan struct{}) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	state = StateAbsent
	if l := d.lives[sid]; l != nil && l.State != "" {
		state = l.State
	}
	return state, d.changed
}

// Watchable lists the records of the streams that are on, and of those that have
// ended and can still be watched.
func (d *Directory) Watchable(now time.Time) []*bus.StreamRecord {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*bus.StreamRecord, 0, len(d.lives))
	for _, l := range d.lives {
		if l.State != "" && !d.source.expired(l, now) {
			all = append(all, l)
		}
	}
	return all
}

// Record is a stream's record: the watched one, or that on the bus if the
// watch has not brought it yet. The error is ErrNoStream or ErrAway.
func (d *Directory) Record(ctx context.Context, sid string) (*bus.StreamRecord, error) {
	d.mu.RLock()
	l := d.lives[sid]
	d.mu.RUnlock()
	if l != nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.source.cfg.StartWait)
	defer cancel()
	l, err := d.source.bus.GetStreamRecord(ctx, sid)
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return nil, ErrNoStream
	case err != nil:
		return nil, ErrAway
	}
	return l, nil
}

// Open is the stream of that name, followed from now on, with its log read.
// The error is ErrNoStream, ErrEnded or ErrAway.
func (d *Directory) Open(ctx context.Context, name string) (*Stream, error) {
	now := time.Now()
	s := d.stream(name)
	if s == nil {
		sid, err := bus.SID(name)
		if err != nil {
			return nil, ErrNoStream
		}
		live, err := d.Record(ctx, sid)
		if err != nil {
			return nil, err
		}
		if d.source.expired(live, now) {
			return nil, ErrEnded
		}
		if s, err = d.follow(sid, name, now); err != nil {
			return nil, err
		}
	}
	s.used.Store(now.Unix())
	select {
	case <-s.loaded:
		return s, nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, d.source.cfg.StartWait)
	defer cancel()
	select {
	case <-s.loaded:
		return s, nil
	case <-ctx.Done():
		return nil, ErrAway
	}
}

// follow has a stream followed, if it is not.
func (d *Directory) follow(sid, name string, now time.Time) (*Stream, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.followed[name]; s != nil {
		return s, nil
	}
	if d.source.ctx.Err() != nil {
		return nil, ErrAway
	}
	s := newStream(d.source, sid, name, now)
	s.live.Store(d.lives[sid])
	ctx, cancel := context.WithCancel(d.source.ctx)
	s.cancel = cancel
	d.followed[name] = s
	d.wg.Go(func() { s.follow(ctx) })
	return s, nil
}

// DropIdle ends the following of streams that nobody asks for.
func (d *Directory) DropIdle(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, s := range d.followed {
		if now.Sub(time.Unix(s.used.Load(), 0)) > d.source.cfg.IdleAfter {
			s.cancel()
			delete(d.followed, name)
		}
	}
}

func (d *Directory) stream(name string) *Stream {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.followed[name]
}

func (d *Directory) streams() []*Stream {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make([]*Stream, 0, len(d.followed))
	for _, s := range d.followed {
		all = append(all, s)
	}
	return all
}

// Serves says whether there is a stream that viewers can have from here.
func (d *Directory) Serves() bool {
	return slices.ContainsFunc(d.streams(), func(s *Stream) bool { return s.multivariant.value().playlist.Ready() })
}

// CutOff says that nothing is known of what goes on now: the bus has been away
// for longer than viewers wait.
func (d *Directory) CutOff() bool { return d.source.cutOff() }

// Viewers counts those seen lately of each stream, by sid.
func (d *Directory) Viewers(now time.Time) map[string]int {
	counts := map[string]int{}
	for _, s := range d.streams() {
		if n := s.viewers.count(now); n > 0 {
			counts[s.sid] = n
		}
	}
	return counts
}
