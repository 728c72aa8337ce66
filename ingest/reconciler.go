package ingest

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

// reconciler follows all records and moves on those that no publisher moves: of
// streams whose ingest worker died, whose grace is over, which ended long
// ago. All ingest workers do so; each change is a compare-and-set, so it
// happens once.
type reconciler struct {
	bus        *bus.Bus
	cfg        Config
	publishers *publishers
	records    *records
	announcer  *announcer
	log        *zap.Logger

	mu      sync.Mutex
	known   map[string]*bus.StreamRecord // by sid; guarded by mu
	orphans map[string]int               // by sid: how often our own live record was seen without its session; the runner's
	untold  map[string]waiting           // by sid: records whose facts are not told; the runner's
}

// waiting is a record's state of which nothing is told yet.
type waiting struct {
	state bus.Told
	looks int // so often it was seen so
}

const (
	reconcileEvery = 250 * time.Millisecond // how often it looks; a stream ends so much late at most
	aliveEach      = 4                      // looks between two probes of the same worker
	clockSlack     = 5000                   // ms that workers' clocks may be apart
	tellAfter      = 8                      // looks at a record whose facts are not told, until another worker tells them
)

func newReconciler(b *bus.Bus, cfg Config, p *publishers, r *records, a *announcer, log *zap.Logger) *reconciler {
	return &reconciler{
		bus: b, cfg: cfg, publishers: p, records: r, announcer: a, log: log,
		known: make(map[string]*bus.StreamRecord), orphans: make(map[string]int), untold: make(map[string]waiting),
	}
}

// run returns when ctx ends.
func (r *reconciler) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _ = r.bus.WatchStreamRecords(ctx, r.seen) })
	alive := make(map[string]bool)
	for look := 0; sleep.For(ctx, reconcileEvery); look++ {
		all := r.list()
		if look%aliveEach == 0 {
			clear(alive)
			r.forget(all)
		}
		for _, l := range all {
			r.tell(l)
			if err := r.reconcile(ctx, l, alive); err != nil && ctx.Err() == nil {
				r.log.Warn("record of a stream", zap.String("stream", l.Name), zap.Error(err))
				break // the bus is away, most likely
			}
		}
	}
}

// seen takes a record in.
func (r *reconciler) seen(l *bus.StreamRecord) {
	r.mu.Lock()
	if l.State == "" {
		delete(r.known, l.SID)
	} else {
		r.known[l.SID] = l
	}
	r.mu.Unlock()
	if l.State == "" {
		return
	}
	if s := r.publishers.get(l.SID); s != nil && s.overtaken(l, r.bus.ID()) {
		s.superseded.Store(true)
		s.supersededElsewhere.Store(true)
		s.cut(errElsewhere)
	}
}

// tell publishes the facts of a record whose own worker has not done so: who
// died may have left its last ones untold.
func (r *reconciler) tell(l *bus.StreamRecord) {
	if !untold(l) {
		delete(r.untold, l.SID)
		return
	}
	u := r.untold[l.SID]
	if u.state != l.Now() {
		u = waiting{state: l.Now()}
	}
	u.looks++
	r.untold[l.SID] = u
	if u.looks%tellAfter == 0 {
		r.announcer.announce(l.SID)
	}
}

// forget lets go of what was noted of records that are gone.
func (r *reconciler) forget(all []*bus.StreamRecord) {
	there := make(map[string]bool, len(all))
	for _, l := range all {
		there[l.SID] = true
	}
	maps.DeleteFunc(r.untold, func(sid string, _ waiting) bool { return !there[sid] })
	maps.DeleteFunc(r.orphans, func(sid string, _ int) bool { return !there[sid] })
}

func (r *reconciler) list() []*bus.StreamRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*bus.StreamRecord, 0, len(r.known))
	for _, l := range r.known {
		all = append(all, l)
	}
	return all
}

// reconcile moves one record on if it is time.
func (r *reconciler) reconcile(ctx context.Context, l *bus.StreamRecord, alive map[string]bool) error {
	switch l.State {
	case bus.StateLive:
		at := now()
		switch {
		case l.Ingest != r.bus.ID():
			if r.alive(ctx, l.Ingest, alive) {
				return nil
			}
			seen, err := r.records.seen(ctx, l)
			if err != nil {
				return err
			}
			at = min(at, seen)
		case r.publishers.isPublishing(l.SID):
			delete(r.orphans, l.SID)
			return nil
		default: // its session's end was not noted: the bus was away
			if r.orphans[l.SID]++; r.orphans[l.SID] < 3 {
				return nil
			}
			delete(r.orphans, l.SID)
		}
		return r.records.pause(ctx, l, 0, at, r.cfg.Grace, "the server that took the stream in was lost")
	case bus.StateGrace:
		switch at := now(); {
		case l.PausedAt > at+clockSlack: // the clock was set back: the publisher has as long from now on
			return r.records.transition(ctx, l, bus.StateGrace, func(l *bus.StreamRecord) { l.PausedAt = at })
		case at < l.PausedAt+l.Grace:
			return nil
		}
		// A publisher who begins just now changes the record, or finds it ended: either is right.
		return r.records.finish(ctx, l)
	case bus.StateEnded:
		if now() >= l.EndedAt+r.cfg.Keep.Milliseconds() && !untold(l) {
			err := r.bus.DeleteStreamRecord(ctx, l.SID, func(fresh *bus.StreamRecord) error {
				if fresh.State != bus.StateEnded || fresh.Session != l.Session {
					return errStale // its name was taken again, just now
				}
				return nil
			})
			if errors.Is(err, errStale) {
				return nil
			}
			return err
		}
	}
	return nil
}

// alive asks once per round whether a worker is there.
func (r *reconciler) alive(ctx context.Context, id string, asked map[string]bool) bool {
	yes, ok := asked[id]
	if !ok {
		yes = r.bus.Alive(ctx, id)
		asked[id] = yes
	}
	return yes
}
